"""What a reference that names nothing may have meant: the nearest references, each with a reason.

Belongs here: likeness of references. Does not belong here: choosing a factor; a suggestion is for a person.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from greenlang.factors.aliases import Aliases, normalise
from greenlang.factors.model import Factor

_CLOSE = 60  # candidates that are compared letter by letter
_NOISE = frozenset({"per", "and", "of", "average", "kg", "g", "t", "lb"})
_SLIP = 0.96  # so alike that it is a slip of the pen
_TABLE_DEPTH = 3  # publisher/dataset/vintage
_GWP = "gwp"


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: str
    parts: tuple[str, ...]
    tokens: frozenset[str]  # without the vintage
    rank: int  # later vintages first
    factor: Factor | None  # None for a table

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
    meanings: dict[str, tuple[str, ...]]  # segment -> the activities that it means
    publishers: frozenset[str]
    row: bool  # whether it looks like one factor, not like a table

    @property
    def timeless(self) -> str:
        return "/".join(segment for segment in self.segments if segment not in self.vintages)


class Neighbours:
    """The searchable references of one release: every factor, and every table above."""

    def __init__(self, factors: Iterable[Factor], aliases: Aliases) -> None:
        self._aliases = aliases
        paths: dict[tuple[str, ...], Factor | None] = {}
        for factor in factors:
            parts = tuple(factor.key.split("/"))
            for depth in range(_TABLE_DEPTH, len(parts)):
                paths.setdefault(parts[:depth], None)
            paths[parts] = factor
        self._vintages = frozenset(parts[2] for parts in paths)
        rank = {vintage: number for number, vintage in enumerate(sorted(self._vintages, reverse=True))}
        self._candidates = tuple(
            _Candidate("/".join(parts), parts, _tokens(parts[:2] + parts[3:]), rank[parts[2]], factor)
            for parts, factor in sorted(paths.items())
        )
        counts = Counter(token for candidate in self._candidates for token in candidate.tokens)
        self._weight = {token: math.log(1 + len(self._candidates) / n) for token, n in counts.items()}
        self._datasets = frozenset(parts[:2] for parts in paths)
        self._publishers = frozenset(parts[0] for parts in paths)

    def find(self, path: str, n: int) -> tuple[tuple[str, str], ...]:
        """Up to ``n`` (reference, reason) pairs for a path without scheme and release, the nearest first."""
        query = self._query(path)
        coarse = sorted(self._candidates, key=lambda c: (-self._shared(query, c), c.rank, c.path))
        ranked = sorted(coarse[:_CLOSE], key=lambda c: (-self._score(query, c), c.rank, c.path)) + coarse[_CLOSE:]
        # Unless the dataset is known, one place is kept for another dataset.
        most = n if query.segments[:2] in self._datasets else max(1, n - 1)
        picked: list[_Candidate] = []
        per_dataset: Counter[str] = Counter()
        for candidate in ranked:
            if len(picked) == n:
                break
            if per_dataset[candidate.dataset] < most and not any(_nested(candidate.path, c.path) for c in picked):
                picked.append(candidate)
                per_dataset[candidate.dataset] += 1
        return tuple((f"ef://{c.path}", _reason(query, c)) for c in picked)

    def _query(self, path: str) -> _Query:
        segments = tuple(normalise(part) for part in path.split("/") if part.strip())
        vintages = frozenset(segments) & self._vintages
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
        publishers |= _tokens([first]) & self._publishers
        row = bool(segments) and ("-per-" in segments[-1] or segments[-1].startswith("gwp-"))
        return _Query(segments, frozenset(tokens), vintages, meanings, frozenset(publishers), row)

    def _shared(self, query: _Query, candidate: _Candidate) -> float:
        weight, parts = self._weight, candidate.parts
        # sorted: the sum of floats depends on its order, and the order of a set on PYTHONHASHSEED
        shared = sum(weight[token] for token in sorted(query.tokens & candidate.tokens))
        whole = sum(weight[token] for token in sorted(candidate.tokens)) or 1.0
        score = shared + shared / whole
        score += 4.0 * (parts[0] in query.publishers)
        score += 5.0 * (parts[:2] == query.segments[:2])
        score += 2.0 * (parts[2] in query.vintages)
        score += 4.0 * max(0, _agreement(parts, query.segments) - 2)  # the table, the activity, ... are right
        score += 4.0 * (parts[-1:] == query.segments[-1:])
        score += 8.0 * (parts[:2] + parts[3:] == query.segments[:2] + query.segments[3:])
        score += 4.0 * bool(_meant(query, parts))
        score += 1.5 * (query.row == (candidate.factor is not None))
        if parts[1] == _GWP and _GWP not in query.tokens and (len(parts) > _TABLE_DEPTH or not query.publishers):
            score -= 6.0  # a GWP is no answer to who asks for an emission factor
        return score

    def _score(self, query: _Query, candidate: _Candidate) -> float:
        likeness = _likeness(query, candidate)
        return self._shared(query, candidate) + 4.0 * likeness + 8.0 * (likeness >= _SLIP)


def _likeness(query: _Query, candidate: _Candidate) -> float:
    return SequenceMatcher(None, query.timeless, candidate.timeless, autojunk=False).ratio()


def _tokens(parts: Iterable[str]) -> frozenset[str]:
    return frozenset(t for part in parts for t in re.split(r"[^a-z0-9]+", part.lower()) if t and t not in _NOISE)


def _agreement(a: Sequence[str], b: Sequence[str]) -> int:
    """How many leading segments are equal."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _nested(a: str, b: str) -> bool:
    return a.startswith(f"{b}/") or b.startswith(f"{a}/")


def _meant(query: _Query, parts: tuple[str, ...]) -> str:
    rest = "/".join(parts[3:]) + "/"
    return next((f"`{s}` means {t}" for s, ts in query.meanings.items() for t in ts if rest.startswith(f"{t}/")), "")


def _reason(query: _Query, candidate: _Candidate) -> str:
    if query.timeless != candidate.timeless and _likeness(query, candidate) >= _SLIP:
        return "spelled almost the same"
    parts, asked = candidate.parts, query.segments
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
