"""Text search over factors, for people: "diesel lorry UK" finds heavy goods vehicles of the United Kingdom.

BM25 over the columns of the table, each word in the column where it counts most, with synonyms, folded accents and
slips of the pen; then a figure counts more if it is for the asked region, year and side, of the latest edition, live,
and a whole rather than a part. Rows that differ in gas part, edition or year, and whose units convert into each other,
are one hit. Nothing is ever calculated from a search: it gives references for a person to choose from.

Belongs here: ranking. Does not belong here: words (``search_words``), columns (``search_index``), worth that no query
changes (``search_worth``), people and goods (``search_sides``), selection (``select``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang.factors.model import Factor
from greenlang.factors.nearest import one_slip
from greenlang.factors.search_groups import groups, numbered
from greenlang.factors.search_index import TextColumn, name_segments, path_segments, whole
from greenlang.factors.search_sides import Sides
from greenlang.factors.search_words import Alternative, Query, Term, declared_words, tokens, understand
from greenlang.factors.search_worth import WORLD, mark, named_years, own_years, priors, recency
from greenlang.factors.select_rule import Rule, declared_rule
from greenlang.factors.standing import Standing
from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POOL = 4000  # rows that are grouped into hits
_NEARLY = 0.5  # how good a later edition must be to be shown instead of an older one
_SAME = 0.98  # the same where a year is asked, so that a later edition never means another year
_GUESSED = 0.6  # worth of a word that may have been meant
_GUESSES = 8
_GENERAL = 1.15  # worth of a figure that its publisher calls an average, a mix or the like
_FOREIGN = 0.85  # worth of a name that is not French for a query that is
_ANY_YEAR = -1


@dataclass(frozen=True, slots=True)
class Hit:
    """A figure that was found.

    ``alike`` rows differ in gas part, edition, year, multiple of the unit, or in an unasked region. ``mark`` says in a
    word why the figure is not eligible by default; it is empty where it is.
    """

    factor: Factor
    score: float
    alike: int
    mark: str = ""


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
        score *= self._worth * self._by_region(query) * self._by_year(query) * self._by_publisher(query)
        score *= self._sides.worth(query.sides) * self._by_language(query)
        pool = min(_POOL, len(score))
        best = np.argpartition(-score, pool - 1)[:pool]
        best = best[score[best] > 0]
        best = best[np.lexsort((best, -score[best]))]
        return tuple(self._hits(best.tolist(), score, query, limit))

    def _hits(self, best: list[int], score: NDArray[Any], query: Query, limit: int) -> Iterator[Hit]:
        """Rows in groups, each shown by its best row, or by that of the latest edition which is nearly as good."""
        nearly = _SAME if query.years else _NEARLY
        shown: dict[tuple[int, int], int] = {}
        top: dict[tuple[int, int], float] = {}
        count: Counter[tuple[int, int]] = Counter()
        regions = self._region_codes[best].tolist() if query.regions else [0] * len(best)
        rows = zip(best, zip(self._groups[best].tolist(), regions, strict=True), score[best].tolist(), strict=True)
        for number, place, value in rows:
            count[place] += 1
            if place not in shown:
                shown[place], top[place] = number, value
            elif value > nearly * top[place] and self._replaces(number, shown[place]):
                shown[place] = number
        for place in list(shown)[:limit]:
            factor = self._table.at(shown[place])
            yield Hit(factor, top[place], count[place] - 1, mark(factor, self._standings[shown[place]]))

    def _replaces(self, number: int, shown: int) -> bool:
        """Whether a row is of a later edition, and no worse in its standing."""
        later = self._published[number] > self._published[shown]
        return bool(later) and (self._standings[number].eligible or not self._standings[shown].eligible)

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
            1.0 if region in query.regions else 0.7 if region in above else 0.6 if region in WORLD else 0.2
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
        asked = list(query.years)
        found[np.isin(own, asked) | np.isin(self._named_years, asked) | (own == _ANY_YEAR)] = 1.0
        return found

    def _by_publisher(self, query: Query) -> NDArray[Any]:
        import numpy as np

        if not query.publishers:
            return np.float32(1)  # type: ignore[return-value]  # it multiplies alike
        publishers = self._table.column("publisher")
        found: NDArray[Any] = np.array([1.0 if p in query.publishers else 0.6 for p in publishers], dtype=np.float32)
        return found

    def _by_language(self, query: Query) -> NDArray[Any]:
        import numpy as np

        if not query.french:
            return np.float32(1)  # type: ignore[return-value]  # it multiplies alike
        return np.where(self._french, np.float32(1), np.float32(_FOREIGN))

    @cached_property
    def _activities(self) -> list[str]:
        return self._table.column("activity")

    @cached_property
    def _published(self) -> NDArray[Any]:
        import numpy as np

        return np.array(self._table.column("publication_year"), dtype=np.int32)

    @cached_property
    def _datasets(self) -> list[str]:
        pairs = zip(self._table.column("publisher"), self._table.column("dataset"), strict=True)
        return [f"{publisher}/{dataset}" for publisher, dataset in pairs]

    @cached_property
    def _standings(self) -> list[Standing]:
        return self._table.standings()

    @cached_property
    def _groups(self) -> NDArray[Any]:
        return groups(self._table)

    @cached_property
    def _french(self) -> NDArray[Any]:
        """Whether the name of each row is French."""
        import numpy as np

        return np.array([language == "fr" for language in self._table.column("language")], dtype=bool)

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
            TextColumn(self._activities, 1.0, path_segments, self._french),
            TextColumn(column("name"), 1.0, name_segments, self._french),
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
        """1 for the latest edition and year of a dataset, less for older ones."""
        return recency(numbered(self._datasets), self._published, own_years(self._table, self._named_years))

    @cached_property
    def _named_years(self) -> NDArray[Any]:
        return named_years(self._table)

    @cached_property
    def _sides(self) -> Sides:
        return Sides(self._table)

    @cached_property
    def _worth(self) -> NDArray[Any]:
        """What a row is worth whatever is asked."""
        import numpy as np

        found = priors(self._table, self._standings)
        general = np.zeros(len(found), dtype=bool)
        for word in declared_words().general:
            for column in self._columns[:2]:  # activity and name
                general[column.rows(tokens(word))] = True
        found[general] *= _GENERAL
        return found
