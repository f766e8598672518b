"""Activities that an everyday word may mean ("flight", "cement"): for a person to choose from, never chosen here.

The words of a search (`search_words`) give synonyms and other languages; every path that holds one is a suggestion,
cut behind the last segment that is needed, so that `business-travel-air/flights` stands for all that lie below it. A
segment counts the more the less it says besides. Sums and products alone decide the order: the same on every machine.

Belongs here: words against paths and names. Does not belong here: ranking of figures (``search``), selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from greenlang.factors.search_words import Term, tokens, understand

_FOUND = 12
_NAMED = 0.6  # worth of a word that stands in a figure's name only


class Suggestions:
    """Suggests activities of one table. ``activities`` maps each to the names of its figures."""

    def __init__(self, activities: Mapping[str, Iterable[str]]) -> None:
        self._activities = activities

    def find(self, text: str) -> tuple[str, ...]:
        """Activities, or beginnings of their paths, that hold the words of ``text`` or other words for the same."""
        query = understand(text.replace("-", " ").replace("/", " "), frozenset())
        terms = [term for term in query.terms if not term.text.isdigit()]
        if not terms:
            return ()
        best: dict[str, tuple[float, int]] = {}  # beginning of a path -> what it is worth, how many paths it begins
        for activity in sorted({a for term in terms for a in self._holding(term)}):
            met = [found for term in terms if (found := self._worth(activity, term))[0]]
            segments = frozenset(segment for _, found in met for segment in found)
            start = "/".join(activity.split("/")[: max(segments)])
            words = sum(1 for segment in self._words[activity][0].values() if segment in segments)
            worth = sum(worth for worth, _ in met) * len(met) / len(terms) / max(1, words)
            before = best.get(start, (0.0, 0))
            best[start] = (max(before[0], worth), before[1] + 1)
        order = sorted(best, key=lambda start: (-best[start][0], start.count("/"), -best[start][1], start))
        return tuple(order[:_FOUND])

    def _holding(self, term: Term) -> set[str]:
        """The activities that hold all words of one of the term's alternatives."""
        found: set[str] = set()
        for alternative in term.alternatives:
            rows = [self._holders.get(word, frozenset()) for word in alternative.words]
            found |= frozenset.intersection(*rows) if rows else frozenset()
        return found

    def _worth(self, activity: str, term: Term) -> tuple[float, tuple[int, ...]]:
        """What the activity is worth for a term, and which segments of its path hold it; or nothing."""
        path, named = self._words[activity]
        best: tuple[float, tuple[int, ...]] = (0.0, ())
        for alternative in term.alternatives:
            if all(word in path for word in alternative.words):
                best = max(best, (alternative.worth, tuple(path[word] for word in alternative.words)))
            elif all(word in path or word in named for word in alternative.words):
                best = max(best, (alternative.worth * _NAMED / max(1, len(named)), (activity.count("/") + 1,)))
        return best

    @cached_property
    def _words(self) -> dict[str, tuple[dict[str, int], frozenset[str]]]:
        """Activity -> its words with the segment that holds each, counted from 1; and the words of its names."""
        found = {}
        for activity, names in self._activities.items():
            path: dict[str, int] = {}
            for depth, segment in enumerate(activity.split("/"), start=1):
                for word in tokens(segment):
                    path.setdefault(word, depth)
            found[activity] = path, frozenset(word for name in names for word in tokens(name))
        return found

    @cached_property
    def _holders(self) -> dict[str, frozenset[str]]:
        """Word -> the activities that hold it."""
        found: dict[str, set[str]] = {}
        for activity, (path, named) in self._words.items():
            for word in (*path, *named):
                found.setdefault(word, set()).add(activity)
        return {word: frozenset(activities) for word, activities in found.items()}
