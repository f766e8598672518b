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


def deciding(rows: Sequence[Factor], own_years: Sequence[int | None]) -> dict[str, tuple[str, ...]]:
    """Word -> its values among ``rows``: one word that tells all of them apart, else the fewest that do so together.

    Empty where no words do: then only a key tells them apart. An empty value can be asked for as "".
    """
    columns = _columns(rows, own_years)
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
    columns["year"] = ["" if year is None else str(year) for year in own_years]
    datasets = [f"{row.publisher}/{row.dataset}" for row in rows]
    publishers = [row.publisher for row in rows]
    columns["source"] = publishers if len(set(publishers)) == len(set(datasets)) else datasets
    if len(set(datasets)) == 1:
        columns["source"] = [f"{name}/{row.vintage}" for name, row in zip(datasets, rows, strict=True)]
    columns["gwp_set"] = [row.gwp_set for row in rows]
    columns["activity"] = [row.activity for row in rows]
    return columns
