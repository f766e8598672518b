"""Which further word would decide between rows that remain.

Belongs here: comparing rows word by word. Does not belong here: picking one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from greenlang.factors.model import Factor
from greenlang.factors.select_model import SHOWN

_PLAIN = (
    "boundary",
    "calorific_basis",
    "radiative_forcing",
    "scope2_method",
    "price_basis",
    "region",
    "per",
)
_MOST = 3  # words that are asked for at once


def deciding(
    rows: Sequence[Factor], own_years: Sequence[int | None], *, unit_said: bool = False
) -> dict[str, tuple[str, ...]]:
    """Word -> its values among ``rows``: one word that tells all of them apart, else the fewest that do so together.

    Empty where no words do: then only a key tells them apart. An empty value can be asked for as "". Where a unit was
    said, the rows fit it all the same, so another unit is the last thing to ask for.
    """
    columns = _columns(rows, own_years)
    if unit_said:
        columns["per"] = columns.pop("per")
    differing = {word: values for word, values in columns.items() if len(set(values)) > 1}
    # a word that every row says is easier to say than one that some leave empty
    differing = dict(sorted(differing.items(), key=lambda item: "" in item[1]))
    for count in range(1, _MOST + 1):
        for words in combinations(differing, count):
            if len(set(zip(*(differing[word] for word in words), strict=True))) == len(rows):
                return {word: tuple(sorted(set(differing[word]))) for word in words}
    return {}


def sentence(words: dict[str, tuple[str, ...]], keys: Sequence[str]) -> str:
    """The words as one sentence for people."""
    if not words:
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        return f"no word tells them apart, name one by its key: {', '.join(keys[:SHOWN])}{more}"
    parts = []
    for word, values in words.items():
        shown = ", ".join(value or '""' for value in values[:SHOWN])
        parts.append(f"`{word}` ({shown}{', ...' if len(values) > SHOWN else ''})")
    return f"{' and '.join(parts)} decide{'s' if len(parts) == 1 else ''}"


def _columns(rows: Sequence[Factor], own_years: Sequence[int | None]) -> dict[str, list[str]]:
    columns = {word: [str(getattr(row, word)) for row in rows] for word in _PLAIN}
    years = ["" if year is None else str(year) for year in own_years]
    sets, activities = [row.gwp_set for row in rows], [row.activity for row in rows]
    datasets = [f"{row.publisher}/{row.dataset}" for row in rows]
    if len(set(datasets)) == 1:
        editions = [f"{name}/{row.vintage}" for name, row in zip(datasets, rows, strict=True)]
        return {**columns, "year": years, "gwp_set": sets, "source": editions, "activity": activities}
    publishers = [row.publisher for row in rows]
    sources = publishers if len(set(publishers)) == len(set(datasets)) else datasets
    return {**columns, "source": sources, "year": years, "gwp_set": sets, "activity": activities}
