"""One statement of an author as an equation: ``Fuel = Heat demand / η (for boilers)`` -> Fuel = Heat_demand / eta.

Belongs here: what is an equation and what is none, its left side, constants with their units. Does not belong here:
cutting a text into statements (``prose_text``), the right side (``prose_right``), what a symbol stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from greenlang.formulas.parse import parse
from greenlang.formulas.tree import Node, Number
from greenlang.resolution.prose_right import FILLERS, Reader
from greenlang.resolution.prose_sums import Rows, marked
from greenlang.resolution.prose_tokens import (
    SENTENCE,
    NoEquation,
    bare_names,
    commas,
    symbol,
    unit_text,
)
from greenlang.specs.unit_words import read_unit


@dataclass(frozen=True, slots=True)
class Equation:
    """``left = right``. ``words`` are the words of each symbol, ``units`` the unit that is written behind a symbol.

    ``condition`` is what the author makes it depend on; ``sides`` is what was read. ``sums``: what the text says about
    the rows of each sum in ``right``, by the name that its table has there.
    """

    left: str
    right: Node
    text: str
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    condition: str = ""
    sides: tuple[str, str] = ("", "")
    sums: dict[str, Rows] = field(default_factory=dict)


_EQUALS = re.compile(r"(?<![<>!=:≤≥≠])=(?!=)|:=|(?<![<>!=])==")
_SUM = re.compile(
    r"[Σ∑∏∫∮∂∇]|\b(?:sum|summation|integral|average of|mean of)\b(?=\s*(?:of|over|\())|\bfor (?:each|all|every)\b",
    re.IGNORECASE,
)
_ADDED = re.compile(r"(?<![\w.])(?:sum|SUM|Sum|Σ|∑)\s*\((?=[^()]*,)(?![^()]*\b(?:for|over|across)\b)([^()]*)\)")
_WORKED = re.compile(r"[\d\s.,*/+\-()^eE]*\d[\d\s.,*/+\-()^]*(?:\s*[A-Za-z°%][^=]{0,20})?")
_APPROXIMATE = re.compile(r"[≈≃≅~∝]|±|\+/-")
_RANGE = re.compile(r"^\s*~?\d+(?:\.\d+)?\s*%?\s*(?:-|to|\.\.+)\s*\d+(?:\.\d+)?(?![\d.])\s*%?\s*(?:$|\(|[A-Za-z]{2})")
_SPOKEN = (
    (re.compile(r"\bdivided by\b", re.IGNORECASE), "/"),
    (re.compile(r"\b(?:multiplied by|times)\b", re.IGNORECASE), "*"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
)
_LEFT_NAME = r"[A-Za-z][\w']*(?:\{[^{}]*\})?(?:[.-][A-Za-z]\w*)*"


def has_equals(text: str) -> bool:
    """Whether a text has an equal sign that is no part of a comparison."""
    return _EQUALS.search(text) is not None


def read_equation(part: str, statement: str, condition: str = "") -> Equation | tuple[str, str]:
    """The equation of a statement, or (symbol, words) where its right side only says in words what the symbol is.

    Raises NoEquation with the reason why it is neither.
    """
    left_text, right_text, sums = _two_sides(part)
    reader = Reader(sums)
    left = _left(left_text, reader)
    if _worded(right_text):
        return left, right_text.strip()
    constant = constant_of(right_text)
    right = constant if constant is not None else reader.right(right_text)
    if sums and reader.remarks:
        raise NoEquation(f"it sums over rows, and `{reader.remarks[-1]}` may say over which")
    return Equation(
        left,
        right,
        " ".join(statement.split()),
        dict(reader.words),
        dict(reader.units),
        tuple(reader.remarks),
        condition or reader.condition,
        (left_text, right_text),
        sums,
    )


def _two_sides(part: str) -> tuple[str, str, dict[str, Rows]]:
    for pattern, spoken in _SPOKEN:
        if _EQUALS.search(part):
            part = pattern.sub(f" {spoken} ", part)
    part = _ADDED.sub(lambda m: f"({' + '.join(m[1].split(','))})", part)
    head = _EQUALS.search(part)
    behind, sums = marked(part[head.end() :]) if head is not None else ("", {})
    part = part[: head.end()] + behind if head is not None else part
    sides = _sides(part)
    if len(sides) == 1:
        near = "it is an approximation, no equality"
        raise NoEquation(near if re.search(r"[≈≃≅∝]", part) else SENTENCE)
    if _APPROXIMATE.search(part):
        raise NoEquation("it is an approximation or a spread, no equality")
    if _SUM.search(part):
        raise NoEquation("it sums over rows or a range in a way that is not read")
    while len(sides) > 2 and _WORKED.fullmatch(sides[-1]):
        sides.pop()  # `Q = m * cp = 10 * 4.18`: the numbers of an instance
    choice = re.search(r"\bif\b|\?", sides[1]) is not None
    if len(sides) > 2 and not choice:
        raise NoEquation("it has two equal signs")
    right = "=".join(sides[1:])
    if _RANGE.match(right):
        raise NoEquation(f"`{' '.join(right.split())}` is a range, no value")
    return sides[0], right, sums


def _sides(part: str) -> list[str]:
    """The text cut at its equal signs, those in brackets not counted."""
    cuts = [m for m in _EQUALS.finditer(part) if part.count("(", 0, m.start()) == part.count(")", 0, m.start())]
    starts = [0, *(m.end() for m in cuts)]
    return [part[a:b] for a, b in zip(starts, [*(m.start() for m in cuts), len(part)], strict=True)]


def _worded(text: str) -> bool:
    """Whether the right side only says in words what the left one is."""
    words = text.split()
    return (
        len(words) > 1
        and not re.search(r"[-+*/^|√%<>?]|\d|\w\(", re.sub(r"(?<!\w)\([^()]*\)|\[[^\]]*\]", "", unit_text(text)))
        and any(w.lower() in FILLERS or w.islower() for w in words)
        and not any("_" in w for w in words)
    )


def constant_of(text: str) -> Number | None:
    """``8.34 lb/gal``: a number with its unit, and nothing else."""
    match = re.fullmatch(r"\s*(\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z°%$€£µ\[][^=]*?)\s*", commas(text))
    if match is None or match[2].strip().startswith(("*", "+")):
        return None
    said = re.sub(r"\s+\([^()]*\)\s*$", "", unit_text(match[2])).strip()
    if bracketed := re.fullmatch(r"\[([^\[\]]+)\]", said):
        said = bracketed[1]
    elif said != "%" and (len(said) < 2 or "*" in said.partition("/")[0]):
        return None  # `2 m` may be two metres or two masses
    said = re.sub(r"\s*\*\s*", ".", said)
    found = read_unit(said)
    if not found.unit or (found.unit == "1" and said != "%"):
        return None
    tree = parse(f"{match[1]} [{'percent' if said == '%' else found.unit}]")
    return tree if isinstance(tree, Number) else None


def _left(text: str, reader: Reader) -> str:
    """The name on the left side: words, with the unit or remark behind them taken off."""
    bare = re.sub(
        r"^\s*(?:calculate|compute|determine|find|convert to|the|let|then|thus|so|return)\b\s*",
        "",
        bare_names(text),
        flags=re.IGNORECASE,
    )
    said = ""
    if match := re.search(r"[(\[]([^()\[\]]*)[)\]]\s*$", bare):
        said, bare = match[1], bare[: match.start()]
    names = re.findall(rf"{_LEFT_NAME}|%", bare)
    rest = re.sub(rf"{_LEFT_NAME}|[\s%,]", "", bare)
    if not names or rest:
        raise NoEquation(f"the left side `{' '.join(text.split())}` is not one quantity")
    if len(names) > 6:
        raise NoEquation(SENTENCE)
    name = symbol("_".join(n for n in names if n != "%"))
    reader.words[name] = tuple(names)
    if said:
        reader.behind(name, said)
    return name
