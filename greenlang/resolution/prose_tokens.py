"""The pieces of one side of an equation in plain signs: numbers, words, units in brackets, operators.

Belongs here: where a piece begins and ends, names and units as the formula language writes them. Does not belong here:
what the pieces together mean (``prose_equation``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from greenlang.errors import UnitError
from greenlang.formulas.parse import FUNCTIONS
from greenlang.specs.unit_words import read_unit
from greenlang.units import parse_unit

SENTENCE = "it is a sentence, no formula"
_LANGUAGE = frozenset(("and", "or", "not", "if", "factor", "sum", "table", "true", "false", *FUNCTIONS))
_THOUSANDS = re.compile(r"(?<![\d.,\w])([1-9]\d{0,2}(?:,\d{3})+)(?![\d,])")
_PREFIXES = re.compile(r"\b(?:inputs?|outputs?|params?|parameters?|returns?|results?|self)\.(?=[A-Za-z_])")
_SQUARE = re.compile(r"\[([^\[\]]*)\]|(?<![\w}])\{([^{}]*)\}")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![A-Za-z_]))
      | (?P<lead>\d+(?:\.\d*)?(?=[A-Za-z_]))
      | (?P<word>[A-Za-z][\w]*(?:\.(?=[A-Za-z_])\w+)*(?:\{[^{}]*\})?'?)
      | (?P<unit>\[[^\[\]]*\])
      | (?P<op>\*\*|<=|>=|!=|==|[-+*/^(),|%√∛<>])
    """,
    re.VERBOSE,
)


_INLINE = re.compile(
    r"(?<![\w.\[])(\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s+([A-Za-z°](?:[^\s\[\],;()]|\([^\s()]*\))*)"
    r"(?=\s+[-+*/×÷−·)]|\s*[),;]|\s*$)"
)


class NoEquation(Exception):
    """Why a statement gives no equation."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece; ``spaced``: whether a blank stands before it."""

    kind: str
    text: str
    spaced: bool


def tokens(text: str) -> list[Token]:
    """The pieces of a text. Raises NoEquation at a sign that no formula has."""
    out: list[Token] = []
    at, spaced = 0, False
    text = _SQUARE.sub(_grouped, bare_names(commas(text)))
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "=\"'.!?:#{}°$€£&@":
                out.append(Token("sign", text[at], spaced))
                at, spaced = at + 1, False
                continue
            raise NoEquation(f"`{text[at]}` is no sign of a formula")
        if match.lastgroup == "space":
            spaced = True
        else:
            out.append(Token(match.lastgroup or "", match[0], spaced))
            spaced = False
        at = match.end()
    while out and out[-1].text in {".", ":"}:
        out.pop()
    bad = next((t for t in out if t.kind == "sign" and t.text != "="), None)
    if bad is not None and not any(t.text == "(" for t in out):
        raise NoEquation(f"`{bad.text}` is no sign of a formula")
    _hyphens(out)
    return out


def _grouped(match: re.Match[str]) -> str:
    """Square brackets and braces that group, as round ones; those that hold a unit stay."""
    inner = match[1] or match[2] or ""
    return f"({inner})" if operates(inner) and not written_unit(inner) else match[0]


def _hyphens(pieces: list[Token]) -> None:
    """``part-load`` is a word, ``a - b`` a difference, ``0.8-0.9`` a range; which of them is ``inlet-outlet``?"""
    for i in range(1, len(pieces) - 1):
        before, sign, after = pieces[i - 1 : i + 2]
        if (
            sign.text == "-"
            and not sign.spaced
            and not after.spaced
            and re.fullmatch(r"[a-z]{2,}|[A-Z][a-z]+", before.text)
            and re.fullmatch(r"[a-z]{2,}", after.text)
        ):
            raise NoEquation(f"`{before.text}-{after.text}`: a hyphen or a minus? put blanks around a minus")
        numbers = before.kind == after.kind == "number" and sign.text == "-" and not sign.spaced and not after.spaced
        if numbers and 0 < float(before.text) < float(after.text):
            raise NoEquation(f"`{before.text}-{after.text}` is a range, no value")


def units_marked(text: str) -> str:
    """``× 24 h/day /`` -> ``× 24 [h/day] /``: a quotient of units behind a number, in the author's own signs."""
    return _INLINE.sub(lambda m: f"{m[1]} [{m[2]}]" if "/" in m[2] and read_unit(m[2], sure=True).unit else m[0], text)


def commas(text: str) -> str:
    """Without the commas that are no separators: ``8,760``, ``T_c,out``."""
    text = re.sub(r"\b([A-Za-z]+_[A-Za-z0-9]+),(?=[a-z]{1,4}\b(?!\s*\())", r"\1_", text)
    return _THOUSANDS.sub(lambda m: m[1].replace(",", ""), text)


def comma_figure(text: str) -> str:
    """A figure such as ``1,125``, which may be 1125 or 1.125; ``8,760`` ends in a nought, as no fraction does."""
    found = (m[1] for m in _THOUSANDS.finditer(text))
    return next((f for f in found if f.count(",") == 1 and f[-1] != "0"), "")


def bare_names(text: str) -> str:
    """``output.net = input.a`` -> ``net = a``: which side a parameter is on follows from the equation."""
    return _PREFIXES.sub("", text)


def symbol(text: str) -> str:
    """A symbol as an ASCII name: ``T_{hot}`` -> T_hot, ``Delta_T'`` -> Delta_T."""
    name = re.sub(r"\W+", "_", text.replace("'", "")).strip("_")
    return f"{name}_" if name in _LANGUAGE else name


def unit_text(text: str) -> str:
    """The units in a text after ``plain``, as authors write them: ``W/(m^(2) * K)`` -> W/(m²*K)."""
    text = re.sub(r"\^\((-?\d+)\)", r"^\1", text)
    return re.sub(r"m\^2(?=[ .*]*K)", "m²", text)


def written_unit(text: str) -> str:
    """The unit that a text is, "" if it is none."""
    found = read_unit(re.sub(r"\s*\*\s*", ".", unit_text(text.strip())))
    if not found.unit or (found.unit == "1" and text.strip() not in {"1", "-"}):
        return ""
    try:
        parse_unit(found.unit)
    except UnitError:
        return ""
    return found.unit


def operates(text: str) -> bool:
    """Whether a text computes: an operator between two operands, outside brackets."""
    bare = text
    while (less := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", bare)) != bare:
        bare = less
    return bool(re.search(r"\w\s*(?:\*|\+|\s-\s|\^|\s/\s)\s*\w", bare))
