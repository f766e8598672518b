"""What a symbol of an author's text stands for: exactly one input or output, by name, unit and description.

In this order: the overlay's ``names``; the very name; the same words; words that all stand in the name; initials; the
author's own definition; the table of symbols (``prose_words``) with the unit and the words of the parameter; words that
all stand in the description. The first of these that fits anything decides; where it fits several, none is taken and
all are told.

Belongs here: symbols and parameters. Does not belong here: reading texts (``prose_text``), whether the result fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from greenlang import units
from greenlang.errors import UnitError
from greenlang.formulas.tree import Arithmetic, Name, Node
from greenlang.resolution.prose_text import Definition
from greenlang.resolution.prose_words import PAIRS, QUANTITIES, SHORT, SYMBOLS, UNIT_WORDS, Quantity
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec
from greenlang.specs.unit_words import is_difference, unit_of_name

AT = "@"  # in the name of a raw number: ``input.power@kW`` is the value of `power` in kW
_FILLERS = frozenset(
    ("the", "of", "in", "for", "and", "or", "to", "a", "an", "at", "by", "per", "is", "as", "from", "with")
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TEMPERATURES = {"r": "degR", "k": "K", "c": "degC", "f": "degF"}
Port = InputSpec | OutputSpec


class Unbound(Exception):
    """Why a symbol is bound to nothing."""


@dataclass(frozen=True, slots=True)
class Bound:
    """``node`` over ``input.x`` and ``output.y``; ``raw`` is the same over plain numbers in the units of the text."""

    node: Node
    raw: Node
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A parameter that a symbol may be."""

    side: str  # input or output
    port: Port

    @property
    def name(self) -> str:
        """As a formula writes it."""
        return f"{self.side}.{self.port.name}"


@dataclass
class Binder:
    """Binds the symbols of one part. ``definitions`` are the author's own words for symbols."""

    spec: AgentSpec
    names: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)

    def bind(self, symbol: str, words: tuple[str, ...], unit: str = "", *, without: str = "") -> Bound:
        """The one parameter that a symbol is; ``without`` is the output that is being computed.

        Raises Unbound with the reason.
        """
        hits = self.hits(symbol, words, unit, [*self.inputs(), *(h for h in self.outputs() if h.port.name != without)])
        if len(hits) == 1:
            return _bound(symbol, hits[0], self.unit(symbol, unit))
        if hits:
            raise Unbound(f"`{symbol}` may be {_listed(hits)}")
        difference = self.difference(symbol)
        if difference is not None:
            return difference
        raise Unbound(f"`{symbol}` is no input, output or constant")

    def lefts(self, symbol: str, words: tuple[str, ...], unit: str = "") -> tuple[int, list[str]]:
        """The outputs that a left side may name, and by the how manyeth of the means."""
        rank, hits = self.ranked(symbol, words, unit, self.outputs(), described=False)
        return rank, [h.port.name for h in hits]

    def unit(self, symbol: str, written: str = "") -> str:
        """The unit that the text itself gives a symbol: in brackets, in its definition, or as its ending."""
        if written:
            return written
        definition = self.definitions.get(symbol)
        if definition is not None and definition.unit:
            return definition.unit
        parts = split(symbol)
        if len(parts) > 1 and parts[-1].lower() in _TEMPERATURES and _thermal(parts):
            return _TEMPERATURES[parts[-1].lower()]
        return unit_of_name("_".join(p.lower() for p in parts)).unit if len(parts) > 1 else ""

    def inputs(self) -> list[Hit]:
        """Every number that the agent takes."""
        return [Hit("input", i) for i in self.spec.inputs.values() if i.numeric]

    def outputs(self) -> list[Hit]:
        """Every number that the agent gives."""
        return [Hit("output", o) for o in self.spec.outputs.values() if o.numeric]

    # --- the order of the means ------------------------------------------------------------------------------------

    def hits(self, symbol: str, words: tuple[str, ...], unit: str, among: list[Hit]) -> list[Hit]:
        """The parameters that the first means which fits anything fits; inputs before outputs."""
        return self.ranked(symbol, words, unit, among)[1]

    def ranked(
        self, symbol: str, words: tuple[str, ...], unit: str, among: list[Hit], *, described: bool = True
    ) -> tuple[int, list[Hit]]:
        """``hits`` with the number of the means, the surest first."""
        told = self.names.get(symbol) or self.names.get("_".join(words))
        if told is not None:
            return 0, [h for h in among if h.port.name == told][:1]
        parts = [p for w in words or (symbol,) for p in split(w)]
        means: list[Callable[[Hit], bool]] = [
            lambda h: _key(h.port.name) == _key(symbol),
            lambda h: self.same_words(parts, h.port),
            lambda h: self.named_by(parts, h.port),
            lambda h: _initials(symbol, h.port),
        ]
        definition = self.definitions.get(symbol)
        if definition is not None:
            means.append(lambda h: _defined(definition, h.port))
        means += [
            lambda h: _means(symbol, parts, h, named=True),
            lambda h: _means(symbol, parts, h, named=False),
        ]
        if described:
            means.append(lambda h: _described(parts, h.port))
        for rank, fits in enumerate(means, 1):
            for side in ("input", "output"):
                found = [h for h in among if h.side == side and fits(h)]
                if found:
                    return rank, _of_unit(found, self.unit(symbol, unit)) or found
        return len(means) + 1, []

    def same_words(self, parts: list[str], port: Port) -> bool:
        """Whether name and symbol have the same words, units left out."""
        if len(parts) == 1 and parts[0] in SYMBOLS:
            return False
        asked, there = plain_words(parts), port_words(port.name)
        return bool(asked) and len(asked) == len(there) and _all_in(asked, there)

    def named_by(self, parts: list[str], port: Port) -> bool:
        """Whether every word of the symbol stands in the name."""
        asked = plain_words(parts)
        if "_".join(parts) in SYMBOLS or not asked or max(map(len, asked)) < 3 or _symbolic(parts):
            return False
        return _all_in(asked, port_words(port.name))

    # --- differences of temperatures -------------------------------------------------------------------------------

    def difference(self, symbol: str) -> Bound | None:
        """``ΔT`` as the difference of the two temperatures that form a pair: outlet and inlet, hot and cold, ..."""
        base = re.sub(r"_[FCKR]$", "", symbol)
        if base not in {"Delta_T", "delta_T", "dT", "Delta_t", "DeltaT"}:
            return None
        temperatures = [h for h in self.inputs() if _is_temperature(h.port)]
        pairs = {
            (a.name, b.name): (a, b)
            for high, low in PAIRS
            for a in temperatures
            for b in temperatures
            if a is not b and port_words(a.port.name) & high and port_words(b.port.name) & low
        }
        whole = [p for p in pairs.values() if len(temperatures) == 2 or _kin(p[0].port, p[1].port)]
        if len(whole) > 1:
            raise Unbound(f"`{symbol}` may be {' or '.join(f'{a.port.name} − {b.port.name}' for a, b in whole)}")
        if not whole:
            if temperatures:
                raise Unbound(f"`{symbol}`: which difference of {_listed(temperatures)}?")
            return None
        (a, b) = whole[0]
        node = Arithmetic("-", Name(a.name), Name(b.name))
        raw = Arithmetic("-", Name(a.name), Name(f"{b.name}{AT}{a.port.unit}"))
        return Bound(node, raw, f"{symbol} is {a.port.name} − {b.port.name}")


def _kin(a: Port, b: Port) -> bool:
    """Whether two temperatures are of one stream: they share every word but those that tell them apart."""
    return len(port_words(a.name) ^ port_words(b.name)) <= 2


def _bound(symbol: str, hit: Hit, unit: str) -> Bound:
    raw = Name(hit.name)
    if unit and hit.port.unit and unit != hit.port.unit and _same(unit, hit.port.unit):
        raw = Name(f"{hit.name}{AT}{_difference_unit(unit, hit.port.unit)}")
    said = "" if _key(symbol) == _key(hit.port.name) else f"{symbol} is {hit.port.name}"
    return Bound(Name(hit.name), raw, said)


def _difference_unit(unit: str, port: str) -> str:
    """degC and degF of a difference count degrees, not from a zero."""
    if units.is_offset(unit) and not units.is_offset(port):
        return {"degC": "K", "degF": "delta_degF"}.get(unit, unit)
    return unit


def _of_unit(found: list[Hit], unit: str) -> list[Hit]:
    """Of several, those in the unit's dimension, if the text gives one."""
    if not unit or len(found) < 2:
        return found
    return [h for h in found if h.port.unit and _same(h.port.unit, unit)]


def _same(a: str, b: str) -> bool:
    try:
        return units.same_dimension(a, b)
    except UnitError:
        return False


# --- words --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def split(name: str) -> tuple[str, ...]:
    """``T_sink_R`` -> T, sink, R; ``EmissionFactor`` -> Emission, Factor; ``p_H2O`` -> p, H2O."""
    out: list[str] = []
    for piece in re.split(r"[\W_]+", name):
        if not piece:
            continue
        chemical = re.fullmatch(r"(?:[A-Z][a-z]?\d*)+e?", piece) and re.search(r"\d", piece)
        out += [piece] if chemical or piece.isupper() or piece.islower() else _CAMEL.findall(piece)
    return tuple(out)


def _key(name: str) -> str:
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


def _alternatives(word: str) -> tuple[str, ...]:
    short = SHORT.get(word, ())
    return (word, *short) if word not in short else short


def _all_in(asked: Iterable[str], there: frozenset[str]) -> bool:
    return all(any(all(p in there for p in w.split()) for w in _alternatives(a)) for a in asked)


def _symbolic(parts: list[str]) -> bool:
    """Whether the first word is a letter that stands for a quantity, with subscripts behind it."""
    return len(parts) > 1 and ((parts[0] in SYMBOLS and len(parts[0]) <= 2) or parts[0] in {"Delta", "delta"})


def _initials(symbol: str, port: Port) -> bool:
    """Whether a symbol is the initials of a name: CF of capacity_factor, PLR of part_load_ratio."""
    if not re.fullmatch(r"[A-Z]{2,5}", symbol) or symbol in SYMBOLS:
        return False
    return "".join(w[0] for w in plain_words(split(port.name))) == symbol.lower()


def _thermal(parts: Iterable[str]) -> bool:
    lower = {p.lower() for p in parts}
    return bool(lower & {"t", "temp", "temperature", "delta", "lift", "dt"})


def _described(parts: list[str], port: Port) -> bool:
    """Whether the words of the symbol all stand in the description."""
    asked = plain_words(parts)
    if _symbolic(parts) or "_".join(parts) in SYMBOLS or max(map(len, asked)) < 4:
        return False
    first = re.split(r"[,;.(]", port.description, maxsplit=1)[0]
    return not re.search(r"[=/*×÷+]", first) and _all_in(asked, _text_words(first))


@lru_cache(maxsize=4096)
def _text_words(text: str) -> frozenset[str]:
    return frozenset(_singular(w.lower()) for w in re.findall(r"[A-Za-z][A-Za-z0-9]*", text))


def _defined(definition: Definition, port: Port) -> bool:
    """Whether the author's words for a symbol are those of the parameter, as far as either goes."""
    said = re.sub(r"[\[(].*?[\])]|\bin\s+\S+\s*$", " ", definition.text)
    asked = [w for w in (_singular(w.lower()) for w in re.findall(r"[A-Za-z]+", said)) if w not in _FILLERS]
    asked = [w for w in asked if w not in UNIT_WORDS]
    if not asked or (definition.unit and port.unit and not _same(definition.unit, port.unit)):
        return False
    there = port_words(port.name)
    return (
        _all_in(asked, there)
        or (bool(there) and there <= frozenset(asked))
        or _all_in(asked, _text_words(port.description))
    )


# --- the table of symbols -----------------------------------------------------------------------------------------


def _means(symbol: str, parts: list[str], hit: Hit, *, named: bool) -> bool:
    """Whether the table lets a symbol mean a parameter: by its unit and the subscripts, ``named``: by its words too."""
    base, low = _base(symbol, parts)
    possible = (QUANTITIES[q] for q in SYMBOLS.get(base, ()))
    return any(_is(q, low, hit.port) and (not named or bool(port_words(hit.port.name) & q.words)) for q in possible)


def _base(symbol: str, parts: list[str]) -> tuple[str, list[str]]:
    """The longest beginning that the table knows, and the subscripts behind it."""
    for end in range(len(parts), 0, -1):
        for joined in ("_".join(parts[:end]), "".join(parts[:end])):
            if joined in SYMBOLS:
                return joined, [p.lower() for p in parts[end:]]
    return symbol, []


def _is(quantity: Quantity, low: list[str], port: Port) -> bool:
    temperature = quantity.name.startswith("temperature")
    words = port_words(port.name)
    if temperature and low and low[-1] in _TEMPERATURES and low[-1] not in words:
        low = low[:-1]
    fits = any(_same(port.unit, u) for u in quantity.units) if port.unit else bool(words & quantity.words)
    if not fits or (temperature and _is_temperature(port) != (quantity.name == "temperature")):
        return False
    if quantity.units == ("1",) and not words & quantity.words:
        return False
    there = words | _text_words(port.description)
    return all(any(all(w in there for w in a.split()) for a in _alternatives(s)) for s in low)


def _is_temperature(port: Port) -> bool:
    """Whether a parameter is a temperature, and no difference of temperatures."""
    if not port.unit or not _same(port.unit, "K") or "delta" in port.unit:
        return False
    return units.is_offset(port.unit) or not is_difference(port.name)


def _listed(hits: Iterable[Hit]) -> str:
    return " or ".join(dict.fromkeys(f"`{h.port.name}`" for h in hits))
