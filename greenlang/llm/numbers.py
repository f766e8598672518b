"""Foreign numbers: figures in a model's text that stand neither in the spec nor in the tables.

Belongs here: finding numerals in text and comparing them by value. Does not belong here: the audit of literals in
generated code (``greenlang.quality``). Numbers written as words (``forty``) are not seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel

# A numeral does not continue a word: CO2, N2O, scope_1 and gwp100 are names, 44kWh is a number with its unit.
_DIGITS = r"\d+(?:_\d+)*"  # 1_0 is ten in Python, wherever the groups end
_NUMERAL = re.compile(
    r"(?<!\w)(?:0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)(?!\w)"
    rf"|(?:(?:\d{{1,3}}(?:[,’'\u00a0\u202f]\d{{3}})+(?!\d)|{_DIGITS})(?:\.{_DIGITS}|\.(?!\w))?|\.{_DIGITS})"
    rf"(?:[eE][-+]?{_DIGITS}(?!\w))?)"
)
PERCENT = re.compile(r"\s*(?:%|percent\b|per cent\b)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A figure as it is written, where (0-based), and what it is worth."""

    text: str
    at: int
    value: Decimal


def numerals(text: str) -> Iterator[Numeral]:
    """Every figure of a text; signs are operators and do not count."""
    # what stands behind m³ or ½ begins anew: these count as letters to a regular expression
    plain = "".join(" " if unicodedata.category(c) == "No" else c for c in text)
    for match in _NUMERAL.finditer(plain):
        written = match.group()
        value = _value(written)
        if value is None:
            continue
        raised = _RAISED.match(text, match.end())
        if raised:  # 10³ is a thousand
            power = _value(raised.group().translate(_SUPERSCRIPTS))
            if power is not None and abs(power) <= 100:
                value, written = value**power, written + raised.group()
        yield Numeral(written, match.start(), value)
    for at, character in enumerate(text):  # ½ is a figure too
        if unicodedata.category(character) == "No" and not _RAISED.match(character) and character not in "₀₁₂₃₄₅₆₇₈₉":
            yield Numeral(character, at, Decimal(str(unicodedata.numeric(character))))


def known_numbers(*sources: str | Decimal | int | Iterable[str | Decimal | int]) -> frozenset[Decimal]:
    """The values that may be used: those of texts, and figures of tables. ``5 %`` allows 5 and 0.05."""
    found: set[Decimal] = set()
    for source in sources:
        if isinstance(source, str):
            for numeral in numerals(source):
                found.add(numeral.value)
                if PERCENT.match(source, numeral.at + len(numeral.text)):
                    found.add(numeral.value / 100)
        elif isinstance(source, Decimal | int):
            found.add(abs(Decimal(source)))
        else:
            found |= known_numbers(*source)
    return frozenset(found)


def foreign_numbers(text: str, known: Iterable[Decimal] | frozenset[Decimal]) -> tuple[Numeral, ...]:
    """The figures of ``text`` whose value is not among ``known`` (see `known_numbers`), in order."""
    values = frozenset(known)
    return tuple(sorted((n for n in numerals(text) if n.value not in values), key=lambda n: n.at))


def material_check(values: Mapping[str, Any]) -> Callable[[BaseModel], list[str]]:
    """A check for `Ask.check`: every figure in the reply's texts stands in the material of the question.

    Lengths of lists ("3 tests failed") and the line numbers that the reply itself gives are no figures of a calculation
    and are let through.
    """
    known = set(known_numbers(*_texts(values))) | {Decimal(n) for n in _counts(values)}

    def check(reply: BaseModel) -> list[str]:
        said = reply.model_dump(mode="json")
        own = known | {Decimal(n) for n in _counts(said)}
        return [
            f"{n.text} stands nowhere in the material" for text in _texts(said, str) for n in foreign_numbers(text, own)
        ]

    return check


def _texts(value: object, *kinds: type) -> Iterator[str]:
    """Every text, and every figure as text, in a structure; only those of some kinds where they are named."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, *kinds)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, *kinds)
    elif isinstance(value, kinds or (str, Decimal, int, float)):
        yield str(value)


def _counts(value: object) -> Iterator[int]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _counts(item)
    elif isinstance(value, list | tuple):
        yield len(value)
        for item in value:
            yield from _counts(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _value(written: str) -> Decimal | None:
    if written[:1] == "0" and written[1:2] in set("xXoObB"):
        return Decimal(int(written, 0))
    try:
        value = Decimal(re.sub(r"[,’'\u00a0\u202f_]", "", written).rstrip("."))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
