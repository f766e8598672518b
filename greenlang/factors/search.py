"""Text search over factors, for people: "diesel lorry UK" finds heavy goods vehicles of the United Kingdom.

BM25 over the columns of the table, each word in the column where it counts most, with synonyms, folded accents and
slips of the pen; then a figure counts more if it is for the asked region and year, of the latest edition, and a whole
rather than a part. Rows that differ in gas part, edition, unit or year are one hit. Nothing is ever calculated from a
search: it gives references for a person to choose from.

Belongs here: ranking. Does not belong here: words (``search_words``), columns (``search_index``), selection
(``select``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang.factors.model import Factor
from greenlang.factors.nearest import one_slip
from greenlang.factors.search_index import TextColumn, name_segments, path_segments, whole
from greenlang.factors.search_words import Alternative, Query, Term, declared_words, understand
from greenlang.factors.select_rule import Rule, declared_rule
from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POOL = 4000  # rows that are grouped into hits
_NEARLY = 0.5  # how good a later edition must be to be shown instead of an older one
_SAME = 0.98  # the same where a year is asked, so that a later edition never means another year
_GUESSED = 0.6  # worth of a word that may have been meant
_GUESSES = 8
_KINDS = {
    "factor": 1.0,
    "gwp": 0.95,
    "derived": 0.95,
    "property": 0.75,
    "gas-part": 0.7,
    "stage": 0.7,
    "ingredient-share": 0.6,
}
_BEYOND = {"WTT": 0.9, "T&D": 0.9, "WTT-T&D": 0.85}  # who does not ask for the supply chain mostly means the use
_ANY_YEAR = -1
_WORLD = frozenset({"", "GLO", "WORLD"})
_HOME = {"desnz": "GB", "epa": "US", "ademe": "FR", "ec": "EU27", "eea": "EU27"}
_GAS_PART = re.compile(r"/of-[a-z0-9-]+$")


@dataclass(frozen=True, slots=True)
class Hit:
    """A figure that was found. ``alike`` rows differ in gas part, edition, unit, year, or in an unasked region."""

    factor: Factor
    score: float
    alike: int


class Search:
    """Searches one table. The index is built at the first search."""

    def __init__(self, table: FactorTable, *, rule: Rule | None = None) -> None:
        self._table = table
        self._rule = rule or declared_rule()

    def find(self, text: str, limit: int = 10) -> tuple[Hit, ...]:
        """The best hits for a query, the best first; none for a query without words."""
        import numpy as np

        query = understand(text, self._known_regions)
        if not len(self._table) or not (query.terms or query.regions or query.years):
            return ()
        score = self._terms(query)
        score *= self._priors * self._by_region(query) * self._by_year(query) * self._by_publisher(query)
        pool = min(_POOL, len(score))
        best = np.argpartition(-score, pool - 1)[:pool]
        best = best[score[best] > 0]
        best = best[np.lexsort((best, -score[best]))]
        return tuple(self._hits(best.tolist(), score, query, limit))

    def _hits(self, best: list[int], score: NDArray[Any], query: Query, limit: int) -> Iterator[Hit]:
        """Rows in groups, each shown by its best row, or by that of the latest edition which is nearly as good."""
        nearly = _SAME if query.years else _NEARLY
        shown: dict[tuple[str, str, str], int] = {}
        top: dict[tuple[str, str, str], float] = {}
        count: Counter[tuple[str, str, str]] = Counter()
        for number, worth in zip(best, score[best].tolist(), strict=True):
            place = self._group(number, query)
            count[place] += 1
            if place not in shown:
                shown[place], top[place] = number, worth
            elif worth > nearly * top[place] and self._published[number] > self._published[shown[place]]:
                shown[place] = number
        for place in list(shown)[:limit]:
            yield Hit(self._table.at(shown[place]), top[place], count[place] - 1)

    def _group(self, number: int, query: Query) -> tuple[str, str, str]:
        activity = _GAS_PART.sub("", self._activities[number])
        return self._datasets[number], activity, self._regions[number] if query.regions else ""

    def _terms(self, query: Query) -> NDArray[Any]:
        """The BM25 sum over the terms, less where a row lacks some of them."""
        import numpy as np

        total = np.zeros(len(self._table), dtype=np.float32)
        if not query.terms:
            return total + 1
        matched = np.zeros(len(self._table), dtype=np.float32)
        for term in query.terms:
            one = np.zeros(len(self._table), dtype=np.float32)
            if not self._score(term.alternatives, one):
                self._score(self._guesses(term), one)
            total += one
            matched += one > 0
        total *= (matched / len(query.terms)) ** 2
        return total

    def _score(self, alternatives: Sequence[Alternative], into: NDArray[Any]) -> bool:
        """The score of one term in ``into``, each row by the column where it counts most; whether any row holds it."""
        asked = [(alternative.words, alternative.worth) for alternative in alternatives]
        found = [column.score(asked, into) for column in self._columns]  # every column: one match does not end it
        return any(found)

    def _guesses(self, term: Term) -> list[Alternative]:
        """Words of the table that an unknown word may mean: it is their beginning, or one slip away."""
        word = term.text
        if len(word) < 4 or " " in word:
            return []
        start = bisect_left(self._vocabulary, word)
        longer = [w for w in self._vocabulary[start : start + _GUESSES] if w.startswith(word)]
        known = self._vocabulary_set
        slips = sorted(slip for slip in one_slip(word) if slip in known)
        return [Alternative((found,), _GUESSED) for found in (*longer, *slips)]

    def _by_region(self, query: Query) -> NDArray[Any]:
        """1 for the asked region, less for one that contains it or for everywhere, little for others."""
        import numpy as np

        if not query.regions:
            return np.float32(1)  # type: ignore[return-value]  # it multiplies alike
        above = {place for region in query.regions for place, _ in self._rule.containing(region, "")}
        worth = [
            1.0 if region in query.regions else 0.7 if region in above else 0.6 if region in _WORLD else 0.2
            for region in self._region_values
        ]
        found: NDArray[Any] = np.array(worth, dtype=np.float32)[self._region_codes]
        return found

    def _by_year(self, query: Query) -> NDArray[Any]:
        """1 for figures of an asked year by the publisher's rule, less for what stands for it, little for others."""
        import numpy as np

        if not query.years:
            return self._recency
        own, after = self._stands
        found = np.full(len(own), 0.35, dtype=np.float32)
        for year in sorted(query.years):
            found[(own <= year) & (year <= own + after)] = 0.9
        found[np.isin(own, list(query.years)) | (own == _ANY_YEAR)] = 1.0
        return found

    def _by_publisher(self, query: Query) -> NDArray[Any]:
        import numpy as np

        if not query.publishers:
            return np.float32(1)  # type: ignore[return-value]  # it multiplies alike
        publishers = self._table.column("publisher")
        found: NDArray[Any] = np.array([1.0 if p in query.publishers else 0.6 for p in publishers], dtype=np.float32)
        return found

    @cached_property
    def _activities(self) -> list[str]:
        return self._table.column("activity")

    @cached_property
    def _published(self) -> list[int]:
        return self._table.column("publication_year")

    @cached_property
    def _datasets(self) -> list[str]:
        pairs = zip(self._table.column("publisher"), self._table.column("dataset"), strict=True)
        return [f"{publisher}/{dataset}" for publisher, dataset in pairs]

    @cached_property
    def _regions(self) -> list[str]:
        return self._table.column("region")

    @cached_property
    def _known_regions(self) -> frozenset[str]:
        return frozenset(self._regions)

    @cached_property
    def _region_values(self) -> list[str]:
        return sorted(self._known_regions)

    @cached_property
    def _region_codes(self) -> NDArray[Any]:
        import numpy as np

        numbers = {region: number for number, region in enumerate(self._region_values)}
        return np.fromiter((numbers[r] for r in self._regions), dtype=np.int32, count=len(self._regions))

    @cached_property
    def _columns(self) -> tuple[TextColumn, ...]:
        column = self._table.column
        names = {slug: " ".join(words) for slug, words in declared_words().publishers.items()}
        sources = [f"{d.replace('/', ' ')} {names.get(d.partition('/')[0], '')}" for d in self._datasets]
        quantities = [
            f"{key.rsplit('/', 1)[-1]} {basis}"
            for key, basis in zip(self._table.keys, column("calorific_basis"), strict=True)
        ]
        return (
            TextColumn(self._activities, 1.0, path_segments),
            TextColumn(column("name"), 1.0, name_segments),
            TextColumn(column("category"), 0.5, name_segments),
            TextColumn(quantities, 0.6, whole),
            TextColumn(
                [
                    f"{kind} {gas} {gwp}"
                    for kind, gas, gwp in zip(column("kind"), column("gas"), column("gwp_set"), strict=True)
                ],
                0.6,
                whole,
            ),
            TextColumn(column("region_name"), 0.5, name_segments),
            TextColumn(
                [f"{source} {vintage}" for source, vintage in zip(sources, column("vintage"), strict=True)], 0.5, whole
            ),
            TextColumn(column("boundary"), 0.6, whole),
        )

    @cached_property
    def _vocabulary_set(self) -> frozenset[str]:
        return frozenset(word for column in self._columns for word in column.vocabulary)

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(self._vocabulary_set)

    @cached_property
    def _stands(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The own year of every row by its publisher's rule, and for how long after it the row stands."""
        import numpy as np

        names = ("reporting_year", "data_year", "publication_year", "price_year", "vintage")
        known: dict[tuple[Any, ...], tuple[int, int]] = {}
        found = []
        for dated in zip(self._datasets, *(self._table.column(name) for name in names), strict=True):
            if dated not in known:
                values = dict(zip(names, dated[1:], strict=True))
                own, after = self._rule.year_rule(dated[0]).stands(values)
                known[dated] = (_ANY_YEAR if own is None else own, after)
            found.append(known[dated])
        both = np.array(found, dtype=np.int32).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    @cached_property
    def _recency(self) -> NDArray[Any]:
        """1 for the latest edition and data year of a dataset, less for older ones."""
        import numpy as np

        published = np.array(self._published, dtype=np.int32)
        dated = zip(self._table.column("reporting_year"), self._table.column("data_year"), strict=True)
        own = np.array([reporting or data or 0 for reporting, data in dated], dtype=np.int32)
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self._datasets))}
        codes = np.fromiter((numbers[d] for d in self._datasets), dtype=np.int32, count=len(self._datasets))
        found = np.ones(len(codes), dtype=np.float32)
        for code in range(len(numbers)):
            here = codes == code
            found[here] = 1 - 0.05 * np.minimum(4, published[here].max() - published[here])
            known = here & (own > 0)
            if known.any():
                found[known] -= 0.005 * np.minimum(40, own[known].max() - own[known])
        return found

    @cached_property
    def _priors(self) -> NDArray[Any]:
        """What a row is worth whatever is asked: whole, valid, for inventories; nothing where it repeats another."""
        import numpy as np

        column = self._table.column
        columns = ((standing.same_as, standing.finding) for standing in self._table.standings())
        worth = [
            0.0
            if same_as
            else _KINDS.get(kind, 0.7)
            * (1.0 if status == "valid" else 0.5)
            * (1.0 if use == "inventory" else 0.85)
            * _BEYOND.get(boundary, 1.0)
            * (0.7 if finding else 1.0)
            * (1.0 if gas == "CO2e" else 0.99 if gas == "CO2" else 0.97)
            * (1.03 if region in _WORLD else 1.02 if _HOME.get(publisher) == region else 1.0)
            for (same_as, finding), kind, status, use, boundary, region, publisher, gas in zip(
                columns,
                column("kind"),
                column("status"),
                column("permitted_use"),
                column("boundary"),
                self._regions,
                column("publisher"),
                column("gas"),
                strict=True,
            )
        ]
        return np.array(worth, dtype=np.float32)
