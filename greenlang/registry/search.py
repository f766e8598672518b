"""Search for agents: by words with their synonyms, capability, domain, unit, regulation and state.

An entry counts that has every word. Where none has, or fewer than three have every one of three or more, those that
lack one follow, and so on to half of the words. What was found is read again through the registry: nobody sees here
what they could not see there. The order: what was retired or yanked last, before it what describes itself with
placeholders; then by words that are lacking, by relevance (BM25, in steps of a tenth), lifecycle, evidence, id.

Belongs here: what a query means, the order. Does not belong here: words (`search_words`), documents (`search_index`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlang.registry.briefs import Brief, briefs
from greenlang.registry.entry import RegistryEntry, version_key
from greenlang.registry.search_index import CLASS, LATEST, RULES, TEXTS, Key, SearchIndex, View, plain
from greenlang.registry.search_words import Name, Term, same, understand, unit

if TYPE_CHECKING:
    from tantivy import DocAddress, Occur, Query

    from greenlang.registry.store import Registry

_WEIGHTS = {"id": 2.0, "name": 3.0, "what": 2.0, "text": 1.0}
_OTHER_NAME = 0.8  # worth of another name for the same
_APART = 0.6  # worth of a name's words that do not stand together
_TIE = 0.2  # what a term counts in the fields where it counts less
_STEP = math.log(1 / 0.9)  # relevance within a tenth of each other is the same
_EXACT = 10_000.0  # who writes an id means that agent
_FEW = 3  # so many hits are enough, whatever others lack
_GUESSED = 0.5
_SHORTEST_GUESS = 4  # letters
_LONG_WORD = 8  # letters from which two slips are forgiven
_PREFIXES = 20
_MOST_TERMS = 16  # of a text; what comes after them does not count

_Rank = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for; what is left out does not matter.

    Without ``all_versions`` an agent is found once, by its latest version; with ``state``, by the latest of those in
    that state; never by one that was yanked. ``regulation`` is a rule or a standard as people name it; it counts among
    an entry's regulations and tags.
    """

    text: str = ""
    domain: str | None = None
    capability: str | None = None
    unit: str | None = None
    regulation: str | None = None
    state: str | None = None
    all_versions: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, the best first; ``more`` says whether something comes after it."""

    entries: tuple[RegistryEntry, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Hits:
    """The same page as `Found`, in a few words each; ``late``: it may lack what was written in the last second."""

    briefs: tuple[Brief, ...]
    more: bool
    late: bool


def find(registry: Registry, index: SearchIndex, wanted: Wanted, *, limit: int | None = 50, offset: int = 0) -> Found:
    """What the caller of ``registry`` finds. Raises RegistryError where registry or index cannot be used."""
    keys, more, _ = _keys(registry, index, wanted, limit, offset)
    entries = {(e.tenant, e.agent_id, e.version): e for e in registry.entries(keys)}
    return Found(tuple(entries[key] for key in keys if key in entries), more)


def find_briefs(
    registry: Registry, index: SearchIndex, wanted: Wanted, *, limit: int | None = 50, offset: int = 0
) -> Hits:
    """The same for whoever keeps what was made of entries."""
    keys, more, late = _keys(registry, index, wanted, limit, offset)
    return Hits(tuple(briefs(registry, keys)), more, late)


def _keys(
    registry: Registry, index: SearchIndex, wanted: Wanted, limit: int | None, offset: int
) -> tuple[list[Key], bool, bool]:
    """A page of the keys that were found, whether more come after it, and whether the index was late."""
    view, late = index.current(registry)
    hits = _Question(view, registry.caller.readable, wanted).hits()
    keys: list[Key] = []
    most = None if limit is None else offset + limit
    for key in hits:
        if most is not None and len(keys) == most:
            return keys[offset:], True, late
        keys.append(key)
    return keys[offset:], False, late


class _Question:
    """One search over one view of the index."""

    def __init__(self, view: View, tenants: tuple[str, ...], wanted: Wanted) -> None:
        self._view = view
        self._searcher = view.searcher
        self._schema = view.schema
        self._tenants = tenants
        self._wanted = wanted

    def hits(self) -> Iterator[Key]:
        """The rows that were found, in their order."""
        found = self._found()
        if not found:
            return
        worths = self._searcher.fast_field_values("worth", [place for _, _, place in found])
        best = max(score for _, score, _ in found)
        groups: dict[_Rank, list[DocAddress]] = {}
        for (lacking, score, place), worth in zip(found, map(int, worths), strict=True):  # type: ignore[arg-type]
            band = int(math.log(best / score) / _STEP) if score > 0 else 0
            rank: _Rank = (-(worth // CLASS) if score < _EXACT else -CLASS, lacking, band, -worth, -round(score * 1000))
            groups.setdefault(rank, []).append(place)
        for rank in sorted(groups):
            keys = self._view.keys(groups[rank])
            keys.sort(key=lambda key: version_key(key.version), reverse=True)
            keys.sort(key=lambda key: key.agent_id)
            yield from self._unshadowed(keys)

    def _unshadowed(self, keys: list[Key]) -> Iterable[Key]:
        """Without what all may read where the caller has an agent of that id."""
        others = sorted({key.agent_id for key in keys if key.tenant != self._tenants[0]})
        if len(self._tenants) == 1 or not others:
            return keys
        own = self._all_of(self._is("tenant", self._tenants[0]), self._among("agent_id", others))
        hits = self._searcher.search(own, max(1, self._searcher.num_docs), count=False).hits
        shadowed = {key.agent_id for key in self._view.keys([place for _, place in hits])}
        return [key for key in keys if key.tenant == self._tenants[0] or key.agent_id not in shadowed]

    def _found(self) -> list[tuple[int, float, DocAddress]]:
        """How many terms an entry lacks, its score and its place."""
        terms = understand(self._wanted.text)[:_MOST_TERMS]
        if self._wanted.text.strip() and not terms:
            return []
        clauses = [self._clause(term) for term in terms]
        found: dict[tuple[int, int], tuple[int, float, DocAddress]] = {}
        for lacking in range(len(clauses) // 2 + 1):
            query = self._query(clauses, len(clauses) - lacking)
            for score, place in self._searcher.search(query, self._most, count=False).hits:
                found.setdefault((place.segment_ord, place.doc), (lacking, score, place))
            if len(found) >= (_FEW if len(clauses) > 2 else 1):
                break
        return list(found.values())

    @property
    def _most(self) -> int:
        return max(1, self._searcher.num_docs)

    def _query(self, clauses: list[Query], least: int) -> Query:
        from tantivy import Occur, Query

        parts: list[tuple[Occur, Query]] = [(Occur.Must, Query.const_score_query(q, 0.0)) for q in self._filters()]
        if clauses:
            words = [(Occur.Should, clause) for clause in clauses]
            parts.append((Occur.Must, Query.boolean_query(words, minimum_number_should_match=least)))
            exact = self._is("agent_id", self._wanted.text.strip())
            parts.append((Occur.Should, Query.const_score_query(exact, _EXACT)))
        return Query.boolean_query(parts)

    def _filters(self) -> Iterator[Query]:
        wanted = self._wanted
        yield self._among("tenant", self._tenants)
        if wanted.state is not None:
            yield self._is("state", wanted.state)
        if not wanted.all_versions:
            yield self._is("latest", wanted.state or LATEST)
        if wanted.domain is not None:
            yield self._is("domain", plain(wanted.domain))
        if wanted.capability is not None:
            yield self._is("capability", plain(wanted.capability))
        if wanted.unit is not None:
            yield self._is("unit", unit(wanted.unit))
        if wanted.regulation is not None:
            yield self._any_of([self._phrase(RULES, name) for name in same(wanted.regulation)])

    # Terms

    def _clause(self, term: Term) -> Query:
        """Any of the term's names, in any field; words that nobody uses may be slips, or the beginnings of others."""
        from tantivy import Query

        if not any(self._known(name) for name in term.names):
            return self._guess(term.names[0])
        first, *others = term.names
        asked = [self._named(first, 1.0), *(self._named(name, _OTHER_NAME) for name in others)]
        if len(first) > 1:
            apart = self._all_of(*(self._named((word,), 1.0) for word in first))
            asked.append(Query.boost_query(apart, _APART / len(first)))
        return Query.disjunction_max_query(asked)

    def _named(self, name: Name, worth: float) -> Query:
        from tantivy import Query

        fields = [
            Query.boost_query(self._phrase(field, name), _WEIGHTS[field] * worth * self._rarity(field, name))
            for field in TEXTS
        ]
        return Query.disjunction_max_query(fields, _TIE)

    def _rarity(self, field: str, name: Name) -> float:
        """What makes a name as rare in a field as it is in all of them: few ids hold `emission`, most texts do."""
        everywhere = sum(self._idf(max(self._view.frequency(other, word) for other in TEXTS)) for word in name)
        return everywhere / sum(self._idf(self._view.frequency(field, word)) for word in name)

    def _idf(self, frequency: int) -> float:
        """As BM25 has it."""
        return math.log(1 + (self._searcher.num_docs - frequency + 0.5) / (frequency + 0.5))

    def _phrase(self, field: str, name: Name) -> Query:
        from tantivy import Query

        if len(name) == 1:
            return Query.term_query(self._schema, field, name[0])
        return Query.phrase_query(self._schema, field, list(name))

    def _known(self, name: Name) -> bool:
        return all(any(self._view.frequency(field, word) for field in TEXTS) for word in name)

    def _guess(self, name: Name) -> Query:
        """Every word as it stands, or as what it may have been meant for."""
        return self._all_of(*(self._guessed(word) for word in name))

    def _guessed(self, word: str) -> Query:
        from tantivy import Query

        if self._known((word,)) or len(word) < _SHORTEST_GUESS or word.isdigit():
            return self._named((word,), 1.0)
        slips = 2 if len(word) >= _LONG_WORD else 1
        asked = [
            Query.boost_query(Query.term_query(self._schema, field, longer), _GUESSED * _WEIGHTS[field])
            for field in TEXTS
            for longer, _ in self._searcher.terms_with_prefix(field, word, limit=_PREFIXES)
        ]
        for distance in range(1, slips + 1):
            near = [Query.fuzzy_term_query(self._schema, field, word, distance) for field in TEXTS]
            asked += [Query.boost_query(q, w / distance) for q, w in zip(near, _WEIGHTS.values(), strict=True)]
        return Query.disjunction_max_query(asked)

    # Queries

    def _is(self, field: str, value: str) -> Query:
        from tantivy import Query

        return Query.term_query(self._schema, field, value, index_option="basic")

    def _among(self, field: str, values: Sequence[str]) -> Query:
        from tantivy import Query

        return Query.term_set_query(self._schema, field, list(values))

    def _all_of(self, *queries: Query) -> Query:
        from tantivy import Occur, Query

        return Query.boolean_query([(Occur.Must, query) for query in queries])

    def _any_of(self, queries: Sequence[Query]) -> Query:
        from tantivy import Occur, Query

        return Query.boolean_query([(Occur.Should, query) for query in queries])
