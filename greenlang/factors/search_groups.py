"""Which rows are one line of a search: the same figure of other gases, editions, years or multiples of a unit.

Belongs here: what makes rows alike. Does not belong here: which of them is shown (``search``).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from greenlang.factors.table import FactorTable
from greenlang.units import dimension

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAS_PART = re.compile(r"/of-[a-z0-9-]+$")


def groups(table: FactorTable) -> NDArray[Any]:
    """A number for each row. Rows of one number share dataset and activity, and their units convert into each other.

    A property (heat content, density, oxidation factor) is alike to the very same property alone.
    """
    names = ("publisher", "dataset", "activity", "data_year", "per", "kind")
    rows = zip(table.keys, *(table.column(name) for name in names), strict=True)
    dimensions = {per: dimension(per) for per in set(table.column("per"))}
    return numbered(
        (publisher, dataset, _plain(activity, year), dimensions[per], kind == "property" and key.rpartition("/")[2])
        for key, publisher, dataset, activity, year, per, kind in rows
    )


def numbered(values: Iterable[Hashable]) -> NDArray[Any]:
    """Equal values as equal numbers from 0, in the order in which they come."""
    import numpy as np

    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int32)


def _plain(activity: str, year: int | None) -> str:
    """The activity without its gas part and without the year of its data, which some publishers write into it."""
    if "/of-" in activity:
        activity = _GAS_PART.sub("", activity)
    return re.sub(rf"(?<!\d){year}(?!\d)", "", activity) if year and str(year) in activity else activity
