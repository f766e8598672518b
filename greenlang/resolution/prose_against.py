"""What speaks against a symbol being a parameter: words that exclude each other, and what the author says it is.

``NCV`` is no `gross_heating_value`, ``p = suction pressure`` no `discharge_pressure`, and an ``EF`` that multiplies
electricity no `diesel_emission_factor`, also where nothing else of that unit is left.

Belongs here: reasons why not. Does not belong here: reasons why (``prose_meaning``), their order (``prose_bind``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from greenlang.resolution.prose_meaning import Port, all_in, alternatives, port_words, said_words, split, table_base
from greenlang.resolution.prose_text import Definition
from greenlang.resolution.prose_words import HEAT_SIDES, NEUTRAL, OPPOSITES, SHARES, STUFF, SYMBOLS, UNLIKE


@dataclass(frozen=True, slots=True)
class Taken:
    """A symbol of an equation, in words, and the parameter that it was taken for."""

    symbol: str
    said: frozenset[str]
    port: Port


def against(symbol: str, parts: list[str], definition: Definition | None, port: Port) -> str:
    """Why a symbol may be no parameter that it could be by its unit; empty if nothing speaks against it."""
    if definition is not None:
        asked = said_words(definition)
        if asked and not _accounted(asked, symbol, parts, port):
            return f"`{symbol}` is said to be {' '.join(definition.text.split())}, and no `{port.name}`"
    return opposed(symbol, parts, definition, port)


def opposed(symbol: str, parts: list[str], definition: Definition | None, port: Port) -> str:
    """Why a symbol is the contrary of a parameter; empty if it is not."""
    said = frozenset(p.lower() for p in parts) | _horizon(symbol)
    if definition is not None:
        said |= frozenset(said_words(definition))
    for one, other in OPPOSITES:
        for here, there in ((one, other), (other, one)):
            if said & here and not said & there and _only(port, there, here):
                return f"`{symbol}` is {_first(said & here)}, `{port.name}` is {_first(_words_of(port) & there)}"
    return ""


def mismatch(taken: Iterable[Taken], output: Port) -> str:
    """Why the parameters of one equation are not of one thing, where its symbols leave open of which; else empty."""
    taken = list(taken)
    for one in taken:
        others = [t.port for t in taken if t.port is not one.port] + [output]
        base, _ = table_base(one.symbol, list(split(one.symbol)))
        for kind in SYMBOLS.get(base, ()):
            if why := _of_another(one, others, STUFF.get(kind, {})):
                return why
        if why := _unlike(one, others, [t for t in taken if t is not one]):
            return why
    return ""


def _unlike(one: Taken, others: list[Port], symbols: list[Taken]) -> str:
    for a, b in UNLIKE:
        for here, there in ((a, b), (b, a)):
            found = [p for p in others if _only(p, there, here)]
            found += [t.port for t in symbols if t.said & there and not t.said & here]
            if found and _only(one.port, here, there) and not _told(one, here):
                said = _first(_words_of(found[0]) & there or there)
                return f"`{one.symbol}` may be `{one.port.name}`, but `{found[0].name}` is {said}"
    return ""


def _of_another(one: Taken, others: list[Port], stuffs: Mapping[str, frozenset[str]]) -> str:
    mine = {name for name, words in stuffs.items() if port_words(one.port.name) & words}
    theirs = {name: p for p in others for name, words in stuffs.items() if port_words(p.name) & words}
    if not mine or not theirs or mine & theirs.keys() or any(_told(one, stuffs[name]) for name in mine):
        return ""
    name, port = next(iter(theirs.items()))
    return f"`{one.symbol}` may be `{one.port.name}`, but `{port.name}` is of {name}"


def _told(one: Taken, words: frozenset[str]) -> bool:
    """Whether the symbol itself says one of the words."""
    return any(w in words for s in one.said for a in alternatives(s) for w in a.split())


def _accounted(asked: list[str], symbol: str, parts: list[str], port: Port) -> bool:
    """Whether a parameter leaves no word unsaid of those that the author has for a symbol, the quantity's own aside."""
    base, _ = table_base(symbol, parts)
    own = frozenset(w for q in SYMBOLS.get(base, ()) for w in q.split())
    there = frozenset(w for w in port_words(port.name) if len(w) > 1)  # the m of `thickness_m` is a unit
    if there and there <= frozenset(asked):
        return True
    left = [w for w in asked if w not in own and w not in NEUTRAL]
    return all_in(left, there | _described(port) | frozenset(a for w in there for a in alternatives(w)))


def _only(port: Port, words: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a parameter says one of some words and none of their opposites; its name before its description."""
    name = _named(port)
    there = name if name & (words | others) else _described(port)
    return bool(there & words) and not there & others


def _words_of(port: Port) -> frozenset[str]:
    return _named(port) | _described(port)


def _named(port: Port) -> frozenset[str]:
    return port_words(port.name) | frozenset(p.lower() for p in split(port.name)) | _horizon(port.name)


def _horizon(name: str) -> frozenset[str]:
    """``gwp_20`` and ``GWP20`` are one word."""
    return frozenset(re.findall(r"gwp(?:20|100)", name.lower().replace("_", "")))


def _described(port: Port) -> frozenset[str]:
    return frozenset(w.lower() for w in re.findall(r"[A-Za-z][A-Za-z0-9]*", port.description))


def _first(words: frozenset[str]) -> str:
    return min(words)


def wrong_part(said: frozenset[str], output: Port, above: list[Port], ports: Iterable[Port]) -> str:
    """Why a quotient is of another part than its output, where the left side leaves open of which; else empty.

    ``Share = electricity / total`` is no `gas_share`, where there is a `gas_kwh`.
    """
    words = port_words(output.name)
    if words & SHARES:
        for word in sorted(words - said - SHARES):
            own = [p for p in ports if word in port_words(p.name) and p.name != output.name]
            if own and not any(p.name == q.name for p in own for q in above):
                return f"`{output.name}` is of `{own[0].name}`, which is not above the line"
    for a, b in (*OPPOSITES, HEAT_SIDES):
        for here, there in ((a, b), (b, a)):
            if _only(output, here, there) and not said & here:
                for port in (p for p in above if _only(p, there, here)):
                    mine, other = _first(_words_of(output) & here), _first(_words_of(port) & there)
                    return f"`{output.name}` is {mine}, `{port.name}` is {other}"
    return ""
