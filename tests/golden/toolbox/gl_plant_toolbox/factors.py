"""The pinned emission factors of the agent, as they stood when it was made (`factors.json`)."""

from decimal import Decimal
from functools import cache
from pathlib import Path

from greenlang_sdk.factors import PinnedTable, read_tables


@cache
def tables() -> dict[str, PinnedTable]:
    """The look-up tables by name. Raises PackDamaged if a row does not fit its digest."""
    return read_tables(Path(__file__).with_name("factors.json"))


def lookup(table: str, *keys: object) -> Decimal:
    """The factor that a table holds for these input values, in the table's unit.

    Raises NotCovered, with the reason, where the agent's references hold no such factor.
    """
    return tables()[table].value(*keys)
