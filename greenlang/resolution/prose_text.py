"""From what an author wrote to statements: equations, definitions of symbols, and what is neither, with the reason.

Belongs here: cutting a text into lines, labels, legends (``where m = mass flow in kg/s``), conditions. Does not belong
here: the sides of an equation (``prose_equation``), what a symbol stands for (``prose_bind``), whether it fits.

A statement that is no equation, or can be read in two ways, is handed back with the reason; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from greenlang.formulas.tree import Number
from greenlang.resolution.prose_equation import Equation, constant_of, has_equals, read_equation
from greenlang.resolution.prose_latex import unlatex
from greenlang.resolution.prose_signs import plain
from greenlang.resolution.prose_sums import begins
from greenlang.resolution.prose_tokens import NoEquation, operates, symbol, unit_text, units_marked
from greenlang.specs.unit_words import unit_of_text

MAX_TEXT = 100_000
MAX_STATEMENT = 1_000


@dataclass(frozen=True, slots=True)
class Definition:
    """``where m = mass flow in kg/s``: a symbol in words, with the unit that they state."""

    symbol: str
    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A statement that gives no equation, and why."""

    text: str
    reason: str


@dataclass
class ReadProse:
    """What a text holds, in the order in which it stands."""

    equations: list[Equation] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Statement:
    """``condition``: under which the author puts it; ``legend``: whether it stands in a list of symbols."""

    text: str
    condition: str = ""
    legend: bool = False


_BULLET = re.compile(r"^\s*(?:[-*•◦‣▪]\s+|\(?\d{1,2}[.)]\s+|\(?[a-z][.)]\s+|step\s+\d+\s*[:.]\s*)+", re.IGNORECASE)
_CONDITION = re.compile(r"^\s*(?:for|if|when|unless|in case|case|else|otherwise|only|at)\b", re.IGNORECASE)
_LEGEND = "symbols|variables|legend|nomenclature|notation|definitions|constants|given"
_WHERE = re.compile(rf"^\s*(?:where|with|in which|here|wherein|{_LEGEND})\b\s*:?\s*", re.IGNORECASE)
_INNER_WHERE = re.compile(
    r"[,;.(]?\s*\b(?:(?:where|in which|wherein|given|using|and where)\b\s*:?|with\b(?=\s*:?\s*[A-Za-z]\w*\s*[=:]))\s*",
    re.IGNORECASE,
)
_DEFINES = re.compile(r"^\s*([A-Za-z][\w^{}]*)\s*(?::|=|\bis\b|\bdenotes\b|\bstands for\b|\s-\s)\s*(.+)$", re.DOTALL)
_DEFINITION = re.compile(r"\s*and\b")
_TAIL = re.compile(r"^(?P<words>.*?[A-Za-z]{2}.*?)[,=:(\s]\s*(?P<number>\d[\d.,eE+-]*\s*[^\s\d)].*?)\)?$")
_EQUATION_FOLLOWS = re.compile(r"\s*(?:and\s+)?[A-Za-z][\w ()\[\]/%{}]*?=(?!=)")
_EMPHASIS = re.compile(r"(?<![\w)])\*\*([^\W\d](?:[\w ]*\w)?)\*\*(?![\w(])")
_TOO_LONG = "a {} of more than {:,} characters"


@lru_cache(maxsize=256)
def read_prose(text: str) -> ReadProse:
    """Every equation, definition and unread statement of a text, in their order; it is not to be changed."""
    read = ReadProse()
    if len(text) > MAX_TEXT:
        read.unread.append(Unread(text[:80], _TOO_LONG.format("text", MAX_TEXT)))
        return read
    for statement in _statements(unlatex(text)):
        if len(statement.text) > MAX_STATEMENT:
            read.unread.append(Unread(statement.text[:80], _TOO_LONG.format("statement", MAX_STATEMENT)))
            continue
        clean = plain(units_marked(_EMPHASIS.sub(r"\1", statement.text).replace("`", "")))
        head, tail = ("", clean) if statement.legend else _without_where(clean)
        for part in _parts(head) if head else []:
            _read(part, statement, read)
        for part in _legend(tail, read) if tail else []:
            _read(part, statement, read)
    read.equations = _joined(read.equations)
    return read


def _read(part: str, statement: Statement, read: ReadProse) -> None:
    try:
        found = read_equation(part, statement.text, statement.condition)
    except NoEquation as why:
        read.unread.append(Unread(" ".join(statement.text.split()), str(why)))
        return
    if isinstance(found, Equation):
        read.equations.append(found)
    else:
        read.definitions.append(_defined(*found))


# --- statements -----------------------------------------------------------------------------------------------------


def _statements(text: str) -> list[Statement]:
    out: list[Statement] = []
    condition, legend, listed = "", False, False
    for line in text.replace("\r\n", "\n").split("\n"):
        said = re.split(r"\s(?:#|//)(?=\s|$)|^\s*(?:#|//)", line, maxsplit=1)[0].rstrip()
        bare = _BULLET.sub("", said).strip()
        if not bare:
            condition, legend = "", legend and not listed
            continue
        if bare.endswith(":") and "=" not in bare:
            legend, listed = bool(_WHERE.match(bare)), False
            condition = bare.rstrip(": ") if _CONDITION.match(bare) else ""
            continue
        if _WHERE.match(bare):
            legend = True
            bare = _WHERE.sub("", bare)
        listed = legend
        for piece in _pieces(bare):
            said, own = (piece, "") if legend else _labelled(piece)
            if said.strip():
                out.append(Statement(said.strip(), own or condition, legend))
    return out


def _pieces(line: str) -> list[str]:
    """A line cut at semicolons and full stops outside brackets."""
    cuts = [m for m in re.finditer(r";|\.\s+(?=[A-Z])|\.$", line)
            if line.count("(", 0, m.start()) <= line.count(")", 0, m.start())]  # fmt: skip
    starts = [0, *(m.end() for m in cuts)]
    return [line[a:b] for a, b in zip(starts, [*(m.start() for m in cuts), len(line)], strict=True)]


def _labelled(piece: str) -> tuple[str, str]:
    """``For water: V = ...`` -> (V = ..., For water); ``Hourly integration: F = ...`` -> (F = ..., nothing)."""
    head, colon, tail = piece.partition(":")
    condition = _CONDITION.match(head)
    if colon and ("=" not in head or condition) and has_equals(tail) and not tail.startswith("="):
        return tail, head.strip() if condition else ""
    if colon and "=" not in piece and not condition and len(head.split()) <= 5 and _computes(plain(tail)):
        return f"{head} = {tail}", ""
    return piece, ""


def _computes(text: str) -> bool:
    return operates(text) or begins(text)


def _without_where(clean: str) -> tuple[str, str]:
    """What stands before and behind ``where``, the bracket around the clause taken off."""
    match = _INNER_WHERE.search(clean)
    if match is None or not has_equals(clean[: match.start()]):
        return clean, ""
    tail = clean[match.end() :]
    if not has_equals(tail) and _DEFINES.match(tail) is None:
        return clean, ""
    if match[0].startswith("("):
        tail = tail.rstrip().removesuffix(")")
    return clean[: match.start()], tail


def _parts(clean: str) -> list[str]:
    """The statement cut at commas and ``and`` outside brackets where an equation follows."""
    cuts, depth = [0], 0
    for i, sign in enumerate(clean):
        depth += (sign in "([{") - (sign in ")]}")
        follows = sign == "," or (sign == " " and clean[i : i + 5].lower() == " and ")
        if follows and depth == 0:
            rest = clean[i + (1 if sign == "," else 5) :]
            if _EQUATION_FOLLOWS.match(rest) and not re.match(r"\s*(?:else|otherwise)\b", rest, re.IGNORECASE):
                cuts.append(i)
    parts = [clean[a:b] for a, b in zip(cuts, [*cuts[1:], len(clean)], strict=True)]
    return [re.sub(r"^\s*(?:,|and\b)\s*(?:and\b)?", "", p) if n else p for n, p in enumerate(parts)]


# --- symbols in words -----------------------------------------------------------------------------------------------


def _legend(text: str, read: ReadProse) -> list[str]:
    """Enter ``m = mass flow in kg/s, cp = specific heat`` as definitions; what is an equation is handed back."""
    left: list[str] = []
    for piece in _split_legend(text):
        match = _DEFINES.match(piece)
        if match is None:
            left += [piece] if has_equals(piece) else []
            continue
        words = match[2].strip().rstrip(".")
        if constant_of(words) is not None:
            left.append(f"{match[1]} = {words}")
        elif operates(words) or re.match(r"\d", words):
            left.append(piece)
        else:
            _enter(match[1], words, read)
    return left


def _enter(name: str, words: str, read: ReadProse) -> None:
    """A symbol in words; ``density of water, 998 kg/m^3`` and ``gravity (9.81 m/s^2)`` are its value, too."""
    tail = _TAIL.match(unit_text(words))
    number = f"{tail['number']}{')' * (tail['number'].count('(') - tail['number'].count(')'))}" if tail else ""
    value = constant_of(number)
    if tail is not None and value is not None:
        text = f"{name} = {number}"
        read.equations.append(Equation(symbol(name), value, text, {symbol(name): (name,)}))
        words = tail["words"]
    read.definitions.append(_defined(symbol(name), words.strip(" ,=:(")))


def _defined(name: str, words: str) -> Definition:
    said = unit_text(words)
    return Definition(name, said, unit_of_text(said).unit)


def _split_legend(text: str) -> list[str]:
    pieces, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and (sign in ",;" or text[i : i + 5].lower() == " and "):
            skip = 1 if sign in ",;" else 5
            if _DEFINES.match(_DEFINITION.sub("", text[i + skip :], count=1)):
                pieces.append(text[start:i])
                start = i + skip
    pieces.append(text[start:])
    return [re.sub(r"^\s*and\b\s*", "", p).strip() for p in pieces]


# --- two lines that are one choice ------------------------------------------------------------------------------------


def _joined(equations: list[Equation]) -> list[Equation]:
    """``if x > y: z = a`` and ``else: z = b`` in the next line as one equation."""
    out: list[Equation] = []
    for one in equations:
        last = out[-1] if out else None
        both = _both(last, one) if last is not None and last.left == one.left else None
        if both is not None:
            out[-1] = both
        else:
            out.append(one)
    return out


def _both(first: Equation, second: Equation) -> Equation | None:
    when = re.match(r"(?:if|when|for)\b\s*(.+)", first.condition, re.IGNORECASE)
    if when is None or not re.match(r"(?:else|otherwise)\W*$", second.condition, re.IGNORECASE):
        return None
    rights = (_bare(first), _bare(second))
    text = f"{first.sides[0]} = if {plain(when[1])} then {rights[0]} else {rights[1]}"
    try:
        made = read_equation(text, f"{first.text}; {second.condition}: {second.text}")
    except NoEquation:
        return None
    if not isinstance(made, Equation) or made.condition or isinstance(made.right, Number):
        return None
    return replace(made, units=first.units | second.units)


def _bare(equation: Equation) -> str:
    """The right side without the condition that stands behind it."""
    right = equation.sides[1]
    if equation.condition not in equation.remarks:
        return right
    word = re.search(rf"[,(]?\s*\b{re.escape(equation.condition.split()[0])}\b", right, re.IGNORECASE)
    return right[: word.start()] if word is not None else right
