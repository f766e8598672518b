"""What a reference that names nothing may have meant: the nearest references, each with a reason.

Belongs here: likeness of references. Does not belong here: choosing a factor; a suggestion is for a person.

Two passes: the first weighs every key by the words in its segments, over whole columns, and keeps a few hundred; the
second compares those exactly. So one failed reference among 120,000 factors costs tens of milliseconds, not seconds.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from greenlang.factors.aliases import Aliases, normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEPT = 300  # keys that the first pass leaves
_BELOW = 100  # keys taken from the longest beginning that is right
_CLOSE = 60  # candidates that are compared letter by letter
_NOISE = frozenset({"per", "and", "of", "average", "kg", "g", "t", "lb"})
_SLIP = 0.96  # so alike that it is a slip of the pen
_ALIKE = 0.8  # less alike than that letter by letter is nothing to suggest
_SHARED = Fraction(1, 3)  # of the words of a reference: who shares fewer is nothing to suggest
_COMMON = frozenset({"co2", "co2e", "ch4", "n2o", "gwp", "no"})  # words that say nothing about the activity
_TABLE_DEPTH = 3  # publisher/dataset/vintage
_GWP = "gwp"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_APART = re.compile(r"[^a-z0-9]+")


class Keyed(Protocol):
    """What has keys in their order: a `FactorTable`."""

    @property
    def keys(self) -> Sequence[str]:
        """Every key, sorted."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: str
    parts: tuple[str, ...]
    tokens: frozenset[str]  # without the vintage
    rank: int  # later vintages first
    row: bool  # one factor, not a table

    @property
    def dataset(self) -> str:
        return f"{self.parts[0]}/{self.parts[1]}"

    @property
    def timeless(self) -> str:
        return "/".join(self.parts[:2] + self.parts[3:])


@dataclass(frozen=True, slots=True)
class _Query:
    segments: tuple[str, ...]
    tokens: frozenset[str]  # without vintages
    vintages: frozenset[str]
    told: tuple[frozenset[str], ...]  # each word that says something about the activity, with words one slip away
    meanings: dict[str, tuple[str, ...]]  # segment -> the activities that it means
    publishers: frozenset[str]
    row: bool  # whether it looks like one factor, not like a table

    @property
    def timeless(self) -> str:
        return "/".join(segment for segment in self.segments if segment not in self.vintages)


class _Columns:
    """The keys as numbers of their segments."""

    def __init__(self, keys: Sequence[str]) -> None:
        import numpy as np

        numbers: dict[str, int] = {}
        flat = "/".join(keys).split("/") if keys else []
        self.codes: NDArray[Any] = np.array([numbers.setdefault(s, len(numbers)) for s in flat], dtype=np.int32)
        lengths = np.array([key.count("/") + 1 for key in keys], dtype=np.int64)
        self.starts: NDArray[Any] = np.concatenate(([0], np.cumsum(lengths)[:-1])) if keys else lengths
        self.ends: NDArray[Any] = self.starts + lengths - 1
        self.numbers = numbers
        self.counts: NDArray[Any] = np.bincount(self.codes, minlength=len(numbers))

    @cached_property
    def words(self) -> dict[str, list[int]]:
        """Word -> the segments that hold it."""
        found: dict[str, list[int]] = {}
        for segment, number in self.numbers.items():
            for word in _tokens((segment,)):
                found.setdefault(word, []).append(number)
        return found

    def at(self, place: int) -> NDArray[Any]:
        """The segments in that place of every key."""
        import numpy as np

        inside: NDArray[Any] = self.codes[np.minimum(self.starts + place, self.ends)]
        return inside


class Neighbours:
    """The searchable references of one release: every factor, and every table above."""

    def __init__(self, table: Keyed, aliases: Aliases) -> None:
        self._aliases = aliases
        self._keys = table.keys

    @cached_property
    def _columns(self) -> _Columns:
        return _Columns(self._keys)

    @cached_property
    def _heads(self) -> frozenset[tuple[str, ...]]:
        """Every (publisher, dataset, vintage)."""
        import numpy as np

        columns = self._columns
        triples = np.stack([columns.at(place) for place in range(_TABLE_DEPTH)])
        changes = np.concatenate(([True], np.any(triples[:, 1:] != triples[:, :-1], axis=0)))  # the keys are sorted
        return frozenset(tuple(self._keys[int(i)].split("/")[:_TABLE_DEPTH]) for i in np.flatnonzero(changes))

    @cached_property
    def _ranks(self) -> dict[str, int]:
        """Vintage -> its place, the latest first."""
        return {vintage: rank for rank, vintage in enumerate(sorted({head[2] for head in self._heads}, reverse=True))}

    @cached_property
    def _weights(self) -> dict[str, float]:
        return {}

    def find(self, path: str, n: int) -> tuple[tuple[str, str], ...]:
        """Up to ``n`` (reference, reason) pairs for a path without scheme and release, the nearest first.

        None where nothing has the publisher, a third of the words, or nearly the same letters.
        """
        if not self._keys:
            return ()
        query = self._query(path)
        candidates = self._candidates(query)
        coarse = sorted(candidates, key=lambda c: (-self._shared(query, c), c.rank, c.path))
        close = sorted(coarse[:_CLOSE], key=lambda c: (-self._score(query, c), c.rank, c.path))
        ranked = [c for c in close if _kin(query, c) or _likeness(query, c) >= _ALIKE]
        ranked += [c for c in coarse[_CLOSE:] if _kin(query, c)]
        # Unless the dataset is known, one place is kept for another dataset, if any is near.
        known = query.segments[:2] in {head[:2] for head in self._heads}
        picked: list[_Candidate] = []
        per_dataset: Counter[str] = Counter()
        for most in (n if known else max(1, n - 1), n):
            for candidate in ranked:
                if len(picked) == n:
                    break
                free = per_dataset[candidate.dataset] < most and candidate not in picked
                if free and not any(_nested(candidate.path, c.path) for c in picked):
                    picked.append(candidate)
                    per_dataset[candidate.dataset] += 1
        return tuple((f"ef://{c.path}", _reason(query, c)) for c in picked)

    def _query(self, path: str) -> _Query:
        segments = tuple(normalise(part) for part in path.split("/") if part.strip())
        vintages = frozenset(segments) & frozenset(self._ranks)
        tokens = set(_tokens(s for s in segments if s not in vintages))
        meanings: dict[str, tuple[str, ...]] = {}
        for segment in segments:
            targets = {t for found in self._aliases.meanings(segment).values() for t in found}
            if targets:
                meanings[segment] = tuple(sorted(targets))
                tokens.update(_tokens(targets))
        if "co2e" in tokens:
            tokens.add("co2")
        first = segments[0] if segments else ""
        publishers = {t for entry in self._aliases.publishers if first in entry.values for t in entry.targets}
        publishers |= _tokens([first]) & {head[0] for head in self._heads}
        told = tuple(
            frozenset({word} if word in self._columns.words else one_slip(word) & self._columns.words.keys())
            for word in sorted(_tokens(s for s in segments if s not in vintages and "-per-" not in s) - _COMMON)
            if len(word) > 1 and not word.isdigit()
        )
        row = bool(segments) and ("-per-" in segments[-1] or segments[-1].startswith("gwp-"))
        return _Query(segments, frozenset(tokens), vintages, told, meanings, frozenset(publishers), row)

    def _candidates(self, query: _Query) -> list[_Candidate]:
        """The few hundred keys that are worth an exact comparison, the tables above them, and every dataset."""
        rows = {self._keys[number] for number in self._promising(query)}
        rows.update(self._below(query))
        paths: dict[tuple[str, ...], bool] = dict.fromkeys(self._heads, False)
        for key in rows:
            parts = tuple(key.split("/"))
            for depth in range(_TABLE_DEPTH + 1, len(parts)):
                paths.setdefault(parts[:depth], False)
            paths[parts] = True
        return [
            _Candidate("/".join(parts), parts, _tokens(parts[:2] + parts[3:]), self._ranks[parts[2]], row)
            for parts, row in sorted(paths.items())
        ]

    def _promising(self, query: _Query) -> list[int]:
        """Numbers of the keys that share most with the query, by the words of their segments alone."""
        import numpy as np

        columns = self._columns
        words = query.tokens.union(*query.told)
        weights = np.zeros(len(columns.numbers))
        for word in sorted(words):
            weights[columns.words.get(word, [])] += self._weight(word)
        score = np.add.reduceat(weights[columns.codes], columns.starts)

        def marks(segments: Iterable[str], worth: float, codes: NDArray[Any]) -> NDArray[Any]:
            mark = np.zeros(len(columns.numbers))
            mark[[columns.numbers[s] for s in segments if s in columns.numbers]] = worth
            found: NDArray[Any] = mark[codes]
            return found

        score += marks(query.publishers, 4.0, columns.at(0))
        score += marks(query.segments[:1], 2.0, columns.at(0)) + marks(query.segments[1:2], 3.0, columns.at(1))
        score += marks(query.vintages, 2.0, columns.at(2))
        score += marks(query.segments[-1:], 4.0, columns.codes[columns.ends])
        if _GWP not in query.tokens:
            score += marks((_GWP,), -6.0, columns.at(1))
        rank = np.zeros(len(columns.numbers))
        for vintage, place in self._ranks.items():
            rank[columns.numbers[vintage]] = place
        score -= 1e-4 * rank[columns.at(2)]
        kept = min(_KEPT, len(score))
        return [int(i) for i in np.argpartition(-score, kept - 1)[:kept]]

    def _below(self, query: _Query) -> Iterator[str]:
        """Keys under the longest beginning of the query that is right, in its own vintage and in the others."""
        if len(query.segments) <= _TABLE_DEPTH:
            return
        for vintage in dict.fromkeys((query.segments[2], *(h[2] for h in self._heads if h[:2] == query.segments[:2]))):
            segments = (*query.segments[:2], vintage, *query.segments[3:])
            for depth in range(len(segments), _TABLE_DEPTH, -1):
                prefix = "/".join(segments[:depth])
                start = bisect_left(self._keys, prefix)
                found = [k for k in self._keys[start : start + _BELOW] if k == prefix or k.startswith(f"{prefix}/")]
                yield from found
                if found:
                    break

    def _weight(self, token: str) -> float:
        if token not in self._weights:
            columns = self._columns
            number = sum(int(columns.counts[i]) for i in columns.words.get(token, ()))
            self._weights[token] = math.log(1 + len(self._keys) / max(1, number))
        return self._weights[token]

    def _shared(self, query: _Query, candidate: _Candidate) -> float:
        parts = candidate.parts
        # sorted: the sum of floats depends on its order, and the order of a set on PYTHONHASHSEED
        shared = sum(self._weight(token) for token in sorted(query.tokens & candidate.tokens))
        whole = sum(self._weight(token) for token in sorted(candidate.tokens)) or 1.0
        score = shared + shared / whole
        score += 4.0 * (parts[0] in query.publishers)
        score += 5.0 * (parts[:2] == query.segments[:2])
        score += 2.0 * (parts[2] in query.vintages)
        score += 4.0 * max(0, _agreement(parts, query.segments) - 2)  # the table, the activity, ... are right
        score += 4.0 * (parts[-1:] == query.segments[-1:])
        score += 8.0 * (parts[:2] + parts[3:] == query.segments[:2] + query.segments[3:])
        score += 4.0 * bool(_meant(query, parts))
        score += 1.5 * (query.row == candidate.row)
        if parts[1] == _GWP and _GWP not in query.tokens and (len(parts) > _TABLE_DEPTH or not query.publishers):
            score -= 6.0  # a GWP is no answer to who asks for an emission factor
        return score

    def _score(self, query: _Query, candidate: _Candidate) -> float:
        likeness = _likeness(query, candidate)
        return self._shared(query, candidate) + 4.0 * likeness + 8.0 * (likeness >= _SLIP)


def _kin(query: _Query, candidate: _Candidate) -> bool:
    """Whether publisher, meaning, or enough of the words are those that were asked for."""
    if candidate.parts[0] in query.publishers or _meant(query, candidate.parts):
        return True
    shared = sum(1 for words in query.told if words & candidate.tokens)
    return bool(shared) and Fraction(shared, len(query.told)) >= _SHARED


def _likeness(query: _Query, candidate: _Candidate) -> float:
    return SequenceMatcher(None, query.timeless, candidate.timeless, autojunk=False).ratio()


def _tokens(parts: Iterable[str]) -> frozenset[str]:
    return frozenset(t for part in parts for t in _APART.split(part.lower()) if t and t not in _NOISE)


def one_slip(word: str) -> set[str]:
    """Every text that one letter too many, too few, wrong, or out of place may have made ``word`` of."""
    if not 3 < len(word) <= 30:
        return set()
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    wrong = {a + c + b[1:] for a, b in cuts if b for c in _LETTERS}
    missing = {a + c + b for a, b in cuts for c in _LETTERS}
    return left_out | swapped | wrong | missing


def _agreement(a: Sequence[str], b: Sequence[str]) -> int:
    """How many leading segments are equal."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _nested(a: str, b: str) -> bool:
    return a.startswith(f"{b}/") or b.startswith(f"{a}/")


def _meant(query: _Query, parts: tuple[str, ...]) -> str:
    rest = "/".join(parts[3:]) + "/"
    return next((f"`{s}` means {t}" for s, ts in query.meanings.items() for t in ts if rest.startswith(f"{t}/")), "")


def _reason(query: _Query, candidate: _Candidate) -> str:
    parts, asked = candidate.parts, query.segments
    if parts[:4] == asked[:4] and parts[3:4] == ("electricity",) and parts[4:5] != asked[4:5]:
        return "same table, another place"  # codes of places are short: one letter apart is no slip
    if query.timeless != candidate.timeless and _likeness(query, candidate) >= _SLIP:
        return "spelled almost the same"
    if parts[:2] == asked[:2] and parts[3:] == asked[3:]:
        return f"same dataset, vintage {parts[2]}"
    if parts[:3] == asked[:3] and parts[3:-1] == asked[3:-1] and len(parts) > _TABLE_DEPTH + 1:
        gas, wanted = parts[-1].partition("-per-")[0], asked[-1].partition("-per-")[0]
        return "same activity and gas, other unit" if gas == wanted else "same activity, other gas"
    alias = _meant(query, parts)
    if parts[:3] == asked[:3]:
        return f"same table, {alias or 'similar activity'}"
    if parts[:2] == asked[:2]:
        return f"same dataset, vintage {parts[2]}" + (f", {alias}" if alias else "")
    if alias:
        return f"{alias}, in {candidate.dataset}"
    if parts[0] in query.publishers:
        return f"same publisher, dataset {parts[1]}"
    shared = ", ".join(sorted(query.tokens & candidate.tokens - {"co2", "co2e"}))
    return f"shares {shared}" if shared else "similar spelling"
