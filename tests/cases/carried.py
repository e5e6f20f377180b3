"""Forms of functions that carry data with them, and two that don't."""

from __future__ import annotations

from functools import partial

table = {f"sku-{number:06d}": number * 1.5 for number in range(4_000)}
orders = list(range(12))


def price(order: int, table: dict[str, float], fee: float = 0.0) -> float:
    return table[f"sku-{order:06d}"] + fee


by_partial = partial(price, table=table)
nested = partial(partial(price, fee=1.0), table=table)


class Prices:
    """Much state, whose method is what is mapped."""

    def __init__(self) -> None:
        self.table = table

    def of(self, order: int) -> float:
        return self.table[f"sku-{order:06d}"]

    def __call__(self, order: int) -> float:
        return self.of(order)


by_method = Prices().of
by_object = Prices()
small = partial(price, table={f"sku-{number:06d}": 1.0 for number in range(20)})


def from_module(order: int) -> float:
    return table[f"sku-{order:06d}"]
