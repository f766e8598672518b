"""What a symbol of an author's text stands for: exactly one input or output, by name, unit and description.

In this order: the overlay's ``names``; the very name; the same words; words that all stand in the name; initials; the
author's own definition; the symbol itself in a description; the table of symbols (``prose_words``) with the unit and
the words of the parameter; words that all stand in the description; a unit that only one parameter has. The first of
these that fits anything decides; where it fits several, none is taken and all are told.

Belongs here: symbols and parameters. Does not belong here: reading texts (``prose_text``), whether the result fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from greenlang import units
from greenlang.formulas.tree import Arithmetic, Name, Node
from greenlang.resolution.prose_against import against, opposed
from greenlang.resolution.prose_meaning import (
    TEMPERATURES,
    Port,
    all_in,
    alternatives,
    cools,
    counted_in,
    defined,
    described_as,
    initials,
    is_temperature,
    key,
    means,
    mentioned,
    plain_words,
    port_words,
    same_kind,
    split,
    symbolic,
    table_base,
    thermal,
)
from greenlang.resolution.prose_text import Definition
from greenlang.resolution.prose_words import ANY_TIME, PAIRS, QUANTITIES, SYMBOLS
from greenlang.specs.model import AgentSpec, OutputSpec
from greenlang.specs.unit_words import unit_of_name

BY_NAME = 2  # the first means: the very name, the same words
AT = "@"  # in the name of a raw number: ``input.power@kW`` is the value of `power` in kW


class Unbound(Exception):
    """Why a symbol is bound to nothing."""


class Several(Unbound):
    """A symbol that may be one of several parameters."""


@dataclass(frozen=True, slots=True)
class Bound:
    """``node`` over ``input.x`` and ``output.y``; ``raw`` is the same over plain numbers in the units of the text."""

    node: Node
    raw: Node
    said: str = ""
    doubt: str = ""  # why only a golden case can tell


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

    def bind(
        self,
        symbol: str,
        words: tuple[str, ...],
        unit: str = "",
        *,
        without: str = "",
        taken: frozenset[str] = frozenset(),
    ) -> Bound:
        """The one parameter that a symbol is. Raises Unbound with the reason.

        ``without`` is the output that is being computed; of several that fit, those that other symbols of the
        equation certainly are (``taken``) do not count.
        """
        among = [*self.inputs(), *(h for h in self.outputs() if h.port.name != without)]
        hits = self.hits(symbol, words, unit, among)
        if len(hits) > 1:
            left = [h for h in hits if h.name not in taken]
            if len(left) == 1 and not all(_kin(left[0].port, h.port) for h in hits):
                doubt = f"`{symbol}` may be {_listed(hits)}"
                return replace(self.as_port(symbol, left[0], unit), doubt=doubt)
            hits = left
        if len(hits) == 1:
            return self.as_port(symbol, hits[0], unit)
        if hits:
            raise Several(f"`{symbol}` may be {_listed(hits)}")
        difference = self.difference(symbol, self.spec.outputs.get(without))
        if difference is not None:
            return difference
        return self._doubtful(symbol, words, unit, among)

    def _doubtful(self, symbol: str, words: tuple[str, ...], unit: str, among: list[Hit]) -> Bound:
        """The one parameter of the quantity, although the author's own words for the symbol are others."""
        parts, definition = _parts(symbol, words), self.definitions.get(symbol)
        near = [] if _several(symbol, words, among) else self._first(symbol, parts, unit, among, described=True)[1]
        may = [h for h in near if not opposed(symbol, parts, definition, h.port)]
        if len(near) == len(may) == 1:
            return replace(self.as_port(symbol, may[0], unit), doubt=against(symbol, parts, definition, may[0].port))
        if near:
            raise Unbound("; ".join(against(symbol, parts, definition, h.port) for h in near))
        raise Unbound(f"`{symbol}` is no input, output or constant")

    def text(self, symbol: str, words: tuple[str, ...]) -> Bound:
        """The text input that a symbol names, for comparisons with a word. Raises Unbound."""
        parts = _parts(symbol, words)
        texts = [i for i in self.spec.inputs.values() if i.dtype == "string"]
        exact = [i for i in texts if key(i.name) == key(symbol)]
        found = exact or [i for i in texts if self.named_by(parts, i)]
        if len(found) != 1:
            may = f"may be {' or '.join(f'`{i.name}`' for i in found)}" if found else "is no text input"
            raise Unbound(f"`{symbol}` {may}")
        node = Name(f"input.{found[0].name}")
        return Bound(node, node, "" if key(symbol) == key(found[0].name) else f"{symbol} is {found[0].name}")

    def as_port(self, symbol: str, hit: Hit, unit: str = "") -> Bound:
        """A symbol that is known to be a parameter."""
        return _bound(symbol, hit, self.unit(symbol, unit))

    def given(self, symbol: str, words: tuple[str, ...], *, by_name: bool) -> Hit | None:
        """The input that a symbol would be, if no equation defined it; ``by_name``: only if it has its name."""
        rank, hits = self.ranked(symbol, words, "", self.inputs(), described=False)
        return hits[0] if len(hits) == 1 and (rank <= BY_NAME or not by_name) else None

    def accounts(self, symbol: str, port: OutputSpec) -> bool:
        """Whether a left side and a name say the same in full: Ex and exergy, E_k and kinetic_energy."""
        if len(symbol) > 1 and port.name.lower().startswith(symbol.lower()):
            return True
        parts = list(split(symbol))
        base, low = table_base(symbol, parts)
        kinds = [QUANTITIES[q] for q in SYMBOLS.get(base, ())] or [
            q for q in QUANTITIES.values() if q.name in plain_words(parts)
        ]
        left = low if base in SYMBOLS else [w for w in plain_words(parts) if w not in {q.name for q in kinds}]
        words = port_words(port.name)
        for kind in kinds:
            rest = [w for w in words if w not in kind.name.split()]
            if (
                kind.has(port.unit, same_kind)
                and len(rest) == len(left)
                and all(any(w.startswith(s) or w in alternatives(s) for s in left) for w in rest)
            ):
                return True
        return False

    def lefts(self, symbol: str, words: tuple[str, ...], unit: str = "") -> tuple[int, list[str]]:
        """The outputs that a left side may name, and by the how manyeth of the means."""
        rank, hits = self.ranked(symbol, words, unit, self.outputs(), described=False)
        return rank, [h.port.name for h in hits]

    def said(self, symbol: str) -> str:
        """The author's own words for a symbol; empty where there are none."""
        definition = self.definitions.get(symbol)
        return definition.text if definition is not None else ""

    def unit(self, symbol: str, written: str = "") -> str:
        """The unit that the text itself gives a symbol: in brackets, in its definition, or as its ending."""
        if written:
            return written
        definition = self.definitions.get(symbol)
        if definition is not None and definition.unit:
            return definition.unit
        parts = split(symbol)
        if len(parts) > 1 and parts[-1].lower() in TEMPERATURES and thermal(parts):
            return TEMPERATURES[parts[-1].lower()]
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
        if _several(symbol, words, among):
            return len(words), []
        parts = _parts(symbol, words)
        definition = self.definitions.get(symbol)
        if definition is not None:  # the author's words and the name may say different things
            mine = [h for h in among if self.same_words(parts, h.port) and key(h.port.name) != key(symbol)]
            meant = [h for h in among if defined(definition, h.port)]
            if mine and meant and not any(h in meant for h in mine):
                return BY_NAME, [*mine, *meant]
        among = [h for h in among if key(h.port.name) == key(symbol) or not against(symbol, parts, definition, h.port)]
        return self._first(symbol, parts, self.unit(symbol, unit), among, described=described)

    def _first(
        self, symbol: str, parts: list[str], unit: str, among: list[Hit], *, described: bool
    ) -> tuple[int, list[Hit]]:
        """What the first means that fits anything fits, and the how manyeth it is."""
        definition = self.definitions.get(symbol)
        ways: list[Callable[[Hit], bool]] = [
            lambda h: key(h.port.name) == key(symbol),
            lambda h: self.same_words(parts, h.port),
            lambda h: self.named_by(parts, h.port),
            lambda h: initials(symbol, h.port),
            lambda h: definition is not None and defined(definition, h.port),
        ]

        def by_mention(hit: Hit) -> bool:
            return described and mentioned(symbol, hit.port)

        exactly, by_kind = _way(symbol, parts, "exactly"), _way(symbol, parts, "by kind")
        by_word, by_unit = _way(symbol, parts, "by word"), _way(symbol, parts, "by unit")
        ways += [by_mention, exactly, by_kind, by_word, by_unit]
        if described:
            ways.append(lambda h: described_as(parts, h.port))
            ways.append(lambda h: counted_in(symbol, h.port))
        ways.append(lambda h: port_words(h.port.name) == set(plain_words(parts)))
        for rank, fits in enumerate(ways, 1):
            for side in ("input", "output"):
                found = [h for h in among if h.side == side and fits(h)]
                if found and fits is by_word and symbol in ANY_TIME:
                    found = [h for h in among if h.side == side and by_unit(h)]
                if found and fits is by_mention:  # a description may speak of another parameter
                    found += [h for h in among if h.side == side and h not in found and exactly(h)]
                if found:
                    return rank, _of_unit(found, unit) or found
        return len(ways) + 1, []

    def same_words(self, parts: list[str], port: Port) -> bool:
        """Whether name and symbol have the same words, units left out."""
        if len(parts) == 1 and parts[0] in SYMBOLS and len(parts[0]) < 3:
            return False
        asked, there = plain_words(parts), port_words(port.name)
        return bool(asked) and len(asked) == len(there) and all_in(asked, there)

    def named_by(self, parts: list[str], port: Port) -> bool:
        """Whether every word of the symbol stands in the name."""
        asked = plain_words(parts)
        if "_".join(parts) in SYMBOLS or not asked or max(map(len, asked)) < 3 or symbolic(parts):
            return False
        return all_in(asked, port_words(port.name))

    # --- differences of temperatures -------------------------------------------------------------------------------

    def difference(self, symbol: str, output: OutputSpec | None = None) -> Bound | None:
        """``ΔT`` as the difference of the two temperatures that form a pair: outlet and inlet, hot and cold, ...

        Of a pair that does not say which is the hotter one, the sign is only known where nothing is cooled.
        """
        base = re.sub(r"_[FCKR]$", "", symbol)
        if base not in {"Delta_T", "delta_T", "dT", "Delta_t", "DeltaT"}:
            return None
        temperatures = [h for h in self.inputs() if is_temperature(h.port)]
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
        if cools(a.port, b.port, output):
            ways = f"{a.port.name} − {b.port.name} or {b.port.name} − {a.port.name}"
            raise Unbound(f"`{symbol}` may be {ways}: something is cooled here, so write which")
        node = Arithmetic("-", Name(a.name), Name(b.name))
        raw = Arithmetic("-", Name(a.name), Name(f"{b.name}{AT}{a.port.unit}"))
        return Bound(node, raw, f"{symbol} is {a.port.name} − {b.port.name}")


def _parts(symbol: str, words: tuple[str, ...]) -> list[str]:
    return [p for w in words or (symbol,) for p in split(w)]


def _several(symbol: str, words: tuple[str, ...], among: list[Hit]) -> bool:
    """Whether words that stand side by side are parameters each: ``b c`` is a product, and no b in degC."""
    names = {key(h.port.name) for h in among}
    return len(words) > 1 and key(symbol) not in names and names.issuperset(map(key, words))


def _kin(a: Port, b: Port) -> bool:
    """Whether two temperatures are of one stream: they share every word but those that tell them apart."""
    return len(port_words(a.name) ^ port_words(b.name)) <= 2


def _bound(symbol: str, hit: Hit, unit: str) -> Bound:
    raw = Name(hit.name)
    if unit and hit.port.unit and unit != hit.port.unit and same_kind(unit, hit.port.unit):
        raw = Name(f"{hit.name}{AT}{difference_unit(unit, hit.port.unit)}")
    said = "" if key(symbol) == key(hit.port.name) else f"{symbol} is {hit.port.name}"
    return Bound(Name(hit.name), raw, said)


def difference_unit(unit: str, port: str) -> str:
    """degC and degF of a difference count degrees, not from a zero."""
    if units.is_offset(unit) and not units.is_offset(port):
        return {"degC": "K", "degF": "delta_degF"}.get(unit, unit)
    return unit


def _of_unit(found: list[Hit], unit: str) -> list[Hit]:
    """Of several, those in the unit's dimension, if the text gives one."""
    if not unit or len(found) < 2:
        return found
    return [h for h in found if h.port.unit and same_kind(h.port.unit, unit)]


def _listed(hits: Iterable[Hit]) -> str:
    return " or ".join(dict.fromkeys(f"`{h.port.name}`" for h in hits))


def _way(symbol: str, parts: list[str], how: str) -> Callable[[Hit], bool]:
    return lambda hit: means(symbol, parts, how, hit.port)
