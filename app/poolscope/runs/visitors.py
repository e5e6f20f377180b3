"""Who a run belongs to, as far as the server needs to know it: two keys, neither of which names a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who starts runs. Whose runs are whose goes by `id`; many visitors may share one `address`.

    Whoever keeps no cookie is known by the address: then both are the same. Both are '' for the command line, which no
    limit of visitors applies to.
    """

    id: str = ""
    address: str = ""


NOBODY = Visitor()
