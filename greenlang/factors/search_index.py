"""Columns of the table as numbers, with the rows of every word: built once, in a second or two for all publishers.

Belongs here: which rows hold a word, in which column. Does not belong here: what a query means (``search_words``),
ranking (``search``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang.factors.search_words import tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

_K1 = 1.2  # how soon further mentions of a word stop to count (BM25)
_B = 0.6  # how much longer texts count less (BM25)
_ASIDE = 0.88  # worth of a word that does not name the thing itself: "Béton armé" before "Tuile béton"


class TextColumn:
    """One column: every distinct text, the segments it is made of, and the rows that hold it.

    ``head_first`` tells of each row whether its text names the thing first and its kind afterwards, as French does: a
    word that comes later is then worth less.
    """

    def __init__(
        self,
        values: Sequence[str],
        weight: float,
        cut: Callable[[str], list[str]],
        head_first: NDArray[Any] | None = None,
    ) -> None:
        import numpy as np

        self.weight = weight
        numbers: dict[str, int] = {}
        codes = np.fromiter((numbers.setdefault(v, len(numbers)) for v in values), dtype=np.int32, count=len(values))
        segments: dict[str, int] = {}
        owners: list[int] = []
        flat: list[int] = []
        firsts: list[str] = []
        for number, text in enumerate(numbers):
            parts = cut(text)
            firsts.append(parts[0] if parts else "")
            for segment in parts:
                flat.append(segments.setdefault(segment, len(segments)))
                owners.append(number)
        self._head_first = np.zeros(len(numbers), dtype=bool)
        if head_first is not None:
            self._head_first[codes[head_first]] = True
        heads = zip(firsts, self._head_first.tolist(), strict=True)
        self._first_segments = [segment if first else "" for segment, first in heads]
        self._segments = list(segments)
        self._texts = len(numbers)
        self._by_segment = _Postings(np.array(flat, dtype=np.int32), np.array(owners, dtype=np.int32), len(segments))
        self._by_text = _Postings(codes, np.arange(len(values), dtype=np.int32), len(numbers))
        counts = np.array([len(tokens(segment)) for segment in self._segments] or [0], dtype=np.float32)
        lengths = np.bincount(
            np.array(owners, dtype=np.int64), weights=counts[flat] if flat else None, minlength=len(numbers)
        )
        mean = float(lengths.mean()) if len(lengths) else 1.0
        self._length: NDArray[Any] = _K1 * (1 - _B + _B * lengths / max(mean, 1.0))

    @cached_property
    def _words(self) -> dict[str, list[int]]:
        """Word -> segments that hold it."""
        found: dict[str, list[int]] = {}
        for number, segment in enumerate(self._segments):
            for word in dict.fromkeys(tokens(segment)):
                found.setdefault(word, []).append(number)
        return found

    @cached_property
    def _heads(self) -> dict[str, NDArray[Any]]:
        """Word -> numbers of the texts that name the thing first, with it, sorted."""
        import numpy as np

        found: dict[str, list[int]] = {}
        for number, segment in enumerate(self._first_segments):
            for word in tokens(segment)[:1]:
                found.setdefault(word, []).append(number)
        return {word: np.array(texts, dtype=np.int32) for word, texts in found.items()}

    @property
    def vocabulary(self) -> Iterable[str]:
        """Every word of the column."""
        return self._words

    def texts(self, words: tuple[str, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Numbers of the texts that hold all the words, sorted, and how often each holds them."""
        import numpy as np

        found, often = np.array([], dtype=np.int32), np.array([], dtype=np.int64)
        for place, word in enumerate(words):
            here, counts = np.unique(self._by_segment.rows(self._words.get(word, [])), return_counts=True)
            if place == 0:
                found, often = here, counts
            else:
                found, left, right = np.intersect1d(found, here, assume_unique=True, return_indices=True)
                often = np.minimum(often[left], counts[right])
        return found, often

    def rows(self, words: tuple[str, ...]) -> NDArray[Any]:
        """Numbers of the rows that hold all the words."""
        return self._by_text.rows_of(self.texts(words)[0])[0]

    def score(self, alternatives: Sequence[tuple[tuple[str, ...], float]], into: NDArray[Any]) -> bool:
        """Raise the rows that hold one of the alternatives to their BM25 score, where it is higher; whether any do.

        How telling a term is comes from all its alternatives together: a rare word for a common thing is no better.
        """
        import numpy as np

        matches = [(words, *self.texts(words), worth) for words, worth in alternatives]
        known = np.zeros(0, dtype=np.int32)
        for _, texts, _, _ in matches:
            known = np.union1d(known, texts)
        if not len(known):
            return False
        telling = math.log(1 + (self._texts - len(known) + 0.5) / (len(known) + 0.5))
        for words, texts, often, worth in matches:
            gain = worth * self.weight * telling * often * (_K1 + 1) / (often + self._length[texts])
            gain[self._aside(words[0], texts)] *= _ASIDE
            rows, places = self._by_text.rows_of(texts)
            into[rows] = np.maximum(into[rows], gain[places].astype(np.float32))
        return True

    def _aside(self, word: str, texts: NDArray[Any]) -> NDArray[Any]:
        """Which of the texts name their thing first, and another than the word."""
        import numpy as np

        aside: NDArray[Any] = self._head_first[texts]
        aside[np.isin(texts, self._heads.get(word, ()), assume_unique=True)] = False
        return aside


class _Postings:
    """For each number of ``keys``: the values that stand beside it."""

    def __init__(self, keys: NDArray[Any], values: NDArray[Any], count: int) -> None:
        import numpy as np

        order = np.argsort(keys, kind="stable")
        self._values = values[order]
        self._starts = np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=count)))).astype(np.int64)

    def rows(self, keys: Sequence[int]) -> NDArray[Any]:
        """The values of several keys, one after the other."""
        import numpy as np

        parts = [self._values[self._starts[key] : self._starts[key + 1]] for key in keys]
        return np.concatenate(parts) if parts else self._values[:0]

    def rows_of(self, keys: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The values of several keys, and for each the place of its key in ``keys``."""
        import numpy as np

        starts = self._starts[keys]
        lengths = self._starts[keys + 1] - starts
        before = np.cumsum(lengths) - lengths
        inside = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
        return self._values[inside], np.repeat(np.arange(len(keys)), lengths)


def path_segments(text: str) -> list[str]:
    """Segments of an activity's path."""
    return text.split("/")


def name_segments(text: str) -> list[str]:
    """Parts of a publisher's name, which it joins by commas and other marks."""
    return [part for part in re.split(r", | > |: ", text) if part]


def whole(text: str) -> list[str]:
    """The text as it is."""
    return [text] if text else []
