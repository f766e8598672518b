"""What names, words and units say about which parameter a symbol may be: one question a function.

Belongs here: splitting names into words, and each single reason to think that a symbol is a parameter. Does not belong
here: the order in which they are asked, and what follows where several fit (``prose_bind``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from greenlang import units
from greenlang.errors import UnitError
from greenlang.resolution.prose_text import Definition
from greenlang.resolution.prose_words import COOLED, QUANTITIES, SHORT, SYMBOLS, UNIT_WORDS, Quantity
from greenlang.specs.model import InputSpec, OutputSpec
from greenlang.specs.unit_words import is_difference, read_unit

_FILLERS = frozenset(
    ("the", "of", "in", "for", "and", "or", "to", "a", "an", "at", "by", "per", "is", "as", "from", "with")
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
TEMPERATURES = {"r": "degR", "k": "K", "c": "degC", "f": "degF"}
_FORMULAS = frozenset(("co2", "ch4", "o2", "n2", "h2", "so2", "no2", "m2", "m3", "ft2", "ft3"))
_GASES = re.compile(r"CO2e?|CH4|N2O")
_WHOLE = frozenset(w for q in QUANTITIES.values() for w in q.words) | {"rate", "hot", "cold", "out", "inlet", "outlet"}
# a description that goes on to something else: `the feed, not X`, `factor for stream X`
_JOINS = re.compile(
    r"\b(?:in|per|of|or|at|for|with|without|from|than|to|by|on|see|not|no|unlike|replaces|and|over|vs)\b", re.IGNORECASE
)
_NOT_HERE = re.compile(
    r"\b(?:see|not|no|unlike|without|than|from|instead of|replaces)\b|\b(?:in|per|of|or)\s+$", re.IGNORECASE
)
_HOTTER = frozenset(("hot", "sink", "delivery", "stack", "flue"))  # of these, ΔT is theirs less the other
_COLDER = frozenset(("cold",))
Port = InputSpec | OutputSpec


def same_kind(a: str, b: str) -> bool:
    """Whether two units measure the same kind of quantity; an unknown one measures none."""
    try:
        return units.same_dimension(a, b)
    except UnitError:
        return False


@lru_cache(maxsize=8192)
def split(name: str) -> tuple[str, ...]:
    """``T_sink_R`` -> T, sink, R; ``EmissionFactor`` -> Emission, Factor; ``p_H2O`` -> p, H2O."""
    out: list[str] = []
    for piece in re.split(r"[\W_]+", name):
        if not piece:
            continue
        if numbered := re.fullmatch(r"([A-Za-z]{4,})(\d)", piece):
            out += [*split(numbered[1]), numbered[2]]
            continue
        chemical = re.fullmatch(r"(?:[A-Z][a-z]?\d*)+e?", piece) and re.search(r"\d", piece)
        out += [piece] if chemical or piece.isupper() or piece.islower() else _CAMEL.findall(piece)
    return tuple(out)


def key(name: str) -> str:
    """A name without case and underscores."""
    return re.sub(r"[\W_]", "", name).lower()


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=8192)
def port_words(name: str) -> frozenset[str]:
    """The words of a parameter's name without the units that end it."""
    return frozenset(plain_words(split(name)))


def plain_words(parts: Iterable[str]) -> list[str]:
    """Words in lower case and singular, the units at the end taken off."""
    found = [_singular(p.lower()) for p in parts]
    kept = list(found)
    while len(kept) > 1 and (kept[-1] in UNIT_WORDS or kept[-1] == "per"):
        kept.pop()
    if "per" in kept[1:]:
        kept = kept[: kept.index("per", 1)]
    return [w for w in kept if w not in _FILLERS] or kept


def alternatives(word: str) -> tuple[str, ...]:
    """A word and what it is short for."""
    short = SHORT.get(word, ())
    return (word, *short) if word not in short else short


def all_in(asked: Iterable[str], there: frozenset[str]) -> bool:
    """Whether each word, or what it is short for, is there."""
    return all(any(all(p in there for p in w.split()) for w in alternatives(a)) for a in asked)


def symbolic(parts: list[str]) -> bool:
    """Whether the first word is a letter that stands for a quantity, with subscripts behind it."""
    return len(parts) > 1 and ((parts[0] in SYMBOLS and len(parts[0]) <= 2) or parts[0] in {"Delta", "delta"})


def initials(symbol: str, port: Port) -> bool:
    """Whether a symbol is the initials of a name: CF of capacity_factor, DoD of depth_of_discharge."""
    if not re.fullmatch(r"[A-Z][A-Za-z]{0,3}[A-Z]", symbol) or symbol in SYMBOLS:
        return False
    words = [w.lower() for w in split(port.name)]
    return any("".join(w[0] for w in some) == symbol.lower() for some in (plain_words(words), words))


def thermal(parts: Iterable[str]) -> bool:
    """Whether the words are of a temperature."""
    lower = {p.lower() for p in parts}
    return bool(lower & {"t", "temp", "temperature", "delta", "lift", "dt"})


def described_as(parts: list[str], port: Port) -> bool:
    """Whether the words of the symbol all stand in the description."""
    asked = plain_words(parts)
    if symbolic(parts) or "_".join(parts) in SYMBOLS or max(map(len, asked)) < 4:
        return False
    first = re.split(r"[,;.(]", port.description, maxsplit=1)[0]
    return not re.search(r"[=/*×÷+]", first) and all_in(asked, _text_words(first))


@lru_cache(maxsize=4096)
def _text_words(text: str) -> frozenset[str]:
    return frozenset(_singular(w.lower()) for w in re.findall(r"[A-Za-z][A-Za-z0-9]*|(?<![\w.])\d(?![\w.])", text))


def mentioned(symbol: str, port: Port) -> bool:
    """Whether a description ends in the symbol itself, and not as a unit: `LMTD correction factor F, 0-1`."""
    ends = r"" if _abbreviated(symbol) else r"(?=\s*(?:$|[,;:=()\[\]]|\.(?:\s|$)))"
    if not re.search(rf"(?<![\w/·*.^-]){re.escape(symbol)}(?![\w/·*^-]){ends}", port.description):
        return False
    known = SYMBOLS.get(table_base(symbol, list(split(symbol)))[0], ())
    if known and port.unit and not any(QUANTITIES[q].has(port.unit, same_kind) for q in known):
        return False
    unit = read_unit(symbol, sure=True).unit
    before = re.split(r"[,;:()\[\]=]", re.split(rf"(?<![\w/·*.^-]){re.escape(symbol)}(?!\w)", port.description)[0])[-1]
    spoken = _JOINS.search(before) if not known else _NOT_HERE.search(before)
    return spoken is None and not (unit and (not port.unit or same_kind(unit, port.unit)))


def _abbreviated(symbol: str) -> bool:
    """Whether a symbol is no word of a sentence: CaO, HDD, T_amb."""
    return len(symbol) > 2 and (sum(c.isupper() for c in symbol) > 1 or "_" in symbol)


def counted_in(symbol: str, port: Port) -> bool:
    """Whether a symbol is the very unit of a parameter: ``Cost = kWh × price``."""
    found = read_unit(symbol if symbol != "HP" else "hp").unit
    return len(symbol) > 1 and bool(found) and found != "1" and found == port.unit


def said_words(definition: Definition) -> list[str]:
    """The words of a definition without fillers and units."""
    said = re.sub(r"[\[(].*?[\])]|\bin\s+\S+\s*$", " ", definition.text)
    asked = [w for w in (_singular(w.lower()) for w in re.findall(r"[A-Za-z]+", said)) if w not in _FILLERS]
    return [w for w in asked if w not in UNIT_WORDS]


def defined(definition: Definition, port: Port) -> bool:
    """Whether the author's words for a symbol are those of the parameter, as far as either goes."""
    asked = said_words(definition)
    if not asked or (definition.unit and port.unit and not same_kind(definition.unit, port.unit)):
        return False
    there = port_words(port.name)
    return (
        all_in(asked, there)
        or (bool(there) and there <= frozenset(asked))
        or all_in(asked, _text_words(port.description))
    )


# --- the table of symbols -----------------------------------------------------------------------------------------


def means(symbol: str, parts: list[str], how: str, port: Port) -> bool:
    """Whether the table lets a symbol mean a parameter: by its unit and the subscripts, and more or less by its words.

    ``exactly``: quantity and subscripts are all the words of the name; ``by kind``: the name says the quantity;
    ``by word``: one of the words of the quantity; ``by unit``: none of them.
    """
    base, low = table_base(symbol, parts)
    words = port_words(port.name)
    for quantity in (QUANTITIES[q] for q in SYMBOLS.get(base, ())):
        if not _is(quantity, low, port):
            continue
        said = {w for s in low for a in alternatives(s) for w in a.split()}
        fits = {
            "exactly": bool(low) and all(w in quantity.words or _stands(w, said) for w in words),
            "by kind": words.issuperset(quantity.name.split()),
            "by word": bool(words & quantity.words),
            "by unit": True,
        }
        if fits[how]:
            return True
    return False


def _stands(word: str, said: Iterable[str]) -> bool:
    """Whether a word is one of some words, or one of them is its beginning: evap of evaporating, cond of condenser."""
    return any(
        word == s
        or (len(s) >= 3 and s not in _WHOLE and word.startswith(s))
        or (s.isdigit() and re.fullmatch(rf"[a-z]+{s}", word) and word not in _FORMULAS)
        for s in said
    )


def table_base(symbol: str, parts: list[str]) -> tuple[str, list[str]]:
    """The longest beginning that the table knows, and the subscripts behind it: T_hot, T1, Tin."""
    if len(parts) > 1 and (numbered := re.fullmatch(r"([A-Z]|[a-z]+)(\d)", parts[-1])):
        parts = [*parts[:-1], *numbered.groups()]
    elif len(parts) == 1 and symbol not in SYMBOLS and (short := re.fullmatch(r"([A-Z])([a-z]{1,6}|\d)", symbol)):
        parts = list(short.groups())
    for end in range(len(parts), 0, -1):
        for joined in ("_".join(parts[:end]), "".join(parts[:end])):
            if joined in SYMBOLS:
                return joined, [p.lower() for p in parts[end:]]
    return symbol, []


def _is(quantity: Quantity, low: list[str], port: Port) -> bool:
    temperature = quantity.name.startswith("temperature")
    words = port_words(port.name)
    if temperature and low and low[-1] in TEMPERATURES and low[-1] not in words:
        low = low[:-1]
    fits = quantity.has(port.unit, same_kind) if port.unit else bool(words & quantity.words)
    if not fits or (temperature and is_temperature(port) != (quantity.name == "temperature")):
        return False
    if quantity.units == ("1",) and not words & quantity.words:
        return False
    there = words | _text_words(port.description) | {g.lower() for g in _GASES.findall(port.unit)}
    return all(any(all(any(_stands(t, (w,)) for t in there) for w in a.split()) for a in alternatives(s)) for s in low)


def is_temperature(port: Port) -> bool:
    """Whether a parameter is a temperature, and no difference of temperatures."""
    if not port.unit or not same_kind(port.unit, "K") or "delta" in port.unit:
        return False
    difference = is_difference(port.name) or "difference" in _text_words(port.description)
    return units.is_offset(port.unit) or not difference


def cools(high: Port, low: Port, output: Port | None) -> bool:
    """Whether the pair of a ΔT does not say which is hotter, and the words are of a stream that gives its heat away."""
    one, other = port_words(high.name), port_words(low.name)
    if (one - other) & _HOTTER or (other - one) & _COLDER:
        return False
    told = one | other | _text_words(high.description) | _text_words(low.description)
    if output is not None:
        told |= port_words(output.name) | _text_words(output.description)
    return bool(told & COOLED)
