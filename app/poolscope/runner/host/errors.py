"""What goes wrong between a run and a host, as exceptions on either side; each message is a sentence."""

from __future__ import annotations

from poolscope.protocol.payloads import Breakage, FailureCode


class HostFailed(Exception):
    """A host is no more: it could not be started, died, took too long or answered nonsense.

    `breakage` tells the first two of what ends one in the middle of an order: it died, or its time was over.
    """

    def __init__(self, sentence: str, breakage: Breakage | None = None) -> None:
        super().__init__(sentence)
        self.breakage = breakage


class OrderRefused(Exception):
    """A host could not do an order, and lives on. `spoiled`: something of it may be left, so go on in a new host.

    `breakage` is what broke a repetition.
    """

    def __init__(
        self,
        sentence: str,
        spoiled: bool = False,
        code: FailureCode | None = None,
        breakage: Breakage | None = None,
    ) -> None:
        super().__init__(sentence)
        self.spoiled = spoiled
        self.code = code
        self.breakage = breakage


class WorkUnusable(OrderRefused):
    """The user's function or what belongs to it can't be used; the message says what to mend.

    A bad reference unless `code` says otherwise: it names nothing, or nothing that can be mapped.
    """

    def __init__(self, sentence: str, code: FailureCode | None = "bad-reference") -> None:
        super().__init__(sentence, code=code)
