"""Sides of a thing that a query asks for or not: carrying people or goods, its waste, the money spent on it.

"Flight" means a person's, "air freight" goods; "beef" means the food, not beef in the dustbin; a price only stands in
where there is nothing else. The words of each side are in `emission_factors/aliases/search.yaml`.

Belongs here: which rows show which side, and what a side is worth that nobody asked for. Does not belong here: words
(``search_words``), the rest of ranking (``search``).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNASKED = {"freight": 0.9, "waste": 0.7, "spend": 0.8}  # what the side is worth where its words are not asked
_CARRIED = frozenset({"passenger", "freight"})
_OTHER_CARRIED = 0.3  # who asks for goods does not want people, nor the other way round
_PER = {
    "passenger": frozenset({"passenger_km", "passenger_mile"}),
    "freight": frozenset({"tonne_km", "ton_mile", "(m**3*km)", "(kg*hundred_km)"}),
}
_WASTE_CATEGORIES = frozenset({"3.5", "3.12"})  # GHG Protocol: waste in operations, end of life of sold products
_WASTE = re.compile(r"(^|[/-])(dechets?|fin-de-vie|incineration|stockage|enfouissement|recyclage)([/-]|$)")


class Sides:
    """The sides of every row of one table."""

    def __init__(self, table: FactorTable) -> None:
        self._table = table

    def worth(self, asked: frozenset[str]) -> NDArray[Any]:
        """1 for every row, less for those of a side that is not asked."""
        import numpy as np

        found = np.ones(len(self._table), dtype=np.float32)
        for side, rows in self._rows.items():
            if side not in asked:
                found[rows] *= _OTHER_CARRIED if side in _CARRIED and asked & _CARRIED else _UNASKED.get(side, 1.0)
        return found

    @cached_property
    def _rows(self) -> dict[str, NDArray[Any]]:
        """Side -> whether each row shows it."""
        import numpy as np

        column = self._table.column
        per = column("per")
        found = {side: np.array([p in units for p in per]) for side, units in _PER.items()}
        wasted = {activity for activity in set(column("activity")) if _WASTE.search(activity)}
        waste = zip(column("scope_category"), column("activity"), strict=True)
        found["waste"] = np.array([category in _WASTE_CATEGORIES or activity in wasted for category, activity in waste])
        found["spend"] = np.array([bool(currency) for currency in column("currency")])
        return found
