"""Which further word would decide between rows that remain.

Belongs here: comparing rows word by word. Does not belong here: picking one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from greenlang.factors.model import Factor

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


def telling(
    rows: Sequence[Factor], own_years: Sequence[int | None], *, unit_said: bool = False
) -> dict[str, list[str | int]]:
    """Word -> its value in every row: one word that tells all of them apart, else the fewest that do so together.

    Where no three do, the words that tell most apart, one after the other. Empty where all rows are alike in every
    word: then only a key tells them apart. Where a unit was said, the rows fit it all the same, so another unit is the
    last thing to ask for.
    """
    columns = _columns(rows, own_years)
    if unit_said:
        columns["per"] = columns.pop("per")
    differing = {word: values for word, values in columns.items() if len(set(values)) > 1}
    # a word that every row says is easier to say than one that some leave empty
    differing = dict(sorted(differing.items(), key=lambda item: "" in item[1]))
    for count in range(1, _MOST + 1):
        for words in combinations(differing, count):
            if _told_apart(words, differing) == len(rows):
                return {word: differing[word] for word in words}
    return _one_by_one(differing)


def _told_apart(words: Iterable[str], columns: Mapping[str, list[str | int]]) -> int:
    return len(set(zip(*(columns[word] for word in words), strict=True)))


def _one_by_one(columns: dict[str, list[str | int]]) -> dict[str, list[str | int]]:
    """The word that tells most rows apart, then the one that tells most apart with it, until none adds anything."""
    taken: list[str] = []
    best = 1
    while rest := [word for word in columns if word not in taken]:
        word = max(rest, key=lambda word: _told_apart([*taken, word], columns))
        more = _told_apart([*taken, word], columns)
        if more == best:
            break
        taken, best = [*taken, word], more
    return {word: columns[word] for word in columns if word in taken}


def _columns(rows: Sequence[Factor], own_years: Sequence[int | None]) -> dict[str, list[str | int]]:
    columns: dict[str, list[str | int]] = {word: [getattr(row, word) for row in rows] for word in _PLAIN}
    years: list[str | int] = ["" if year is None else year for year in own_years]
    sets: list[str | int] = [row.gwp_set for row in rows]
    last: dict[str, list[str | int]] = {"activity": [row.activity for row in rows], "gas": [row.gas for row in rows]}
    datasets = [f"{row.publisher}/{row.dataset}" for row in rows]
    if len(set(datasets)) == 1:
        editions: list[str | int] = [f"{name}/{row.vintage}" for name, row in zip(datasets, rows, strict=True)]
        return {**columns, "year": years, "gwp_set": sets, "source": editions, **last}
    publishers = [row.publisher for row in rows]
    sources: list[str | int] = [*(publishers if len(set(publishers)) == len(set(datasets)) else datasets)]
    return {**columns, "source": sources, "year": years, "gwp_set": sets, **last}
