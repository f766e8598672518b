"""The conversion constants of a generated module, under names that say what they convert: `KG_PER_T`.

Belongs here: their names and comments. Does not belong here: where they are used (``render``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from greenlang import units
from greenlang.formulas.conversion import terms

_UNIT = re.compile(r"(?:(?<=.)([*/]))?([^\W\d]\w*)(?:\*\*([1-9])(?![\d.]))?")
_BELOW = re.compile(r"/\(([^()/]*)\)")
_SIGNS = {"%": "percent", "°": "deg", "µ": "u", "μ": "u", "²": "**2", "³": "**3", "·": "*"}
_SCALES = {"degC", "degF"}
_TRAFFIC = {"passenger_km": ("passenger", "km"), "vehicle_km": ("vehicle", "km"), "tonne_km": ("t", "km")}


@dataclass(slots=True)
class Constants:
    """The conversion constants of a module, by name."""

    values: dict[str, tuple[Decimal, str]] = field(default_factory=dict)

    def conversion(self, source: str, target: str, factor: Decimal) -> list[tuple[str, str]]:
        """The operators and constants that convert, exactly: `* KG_PER_T`, `/ MIN_PER_H`, or a ratio's two terms."""
        times, over = terms(factor)
        if over == 1:
            return [("*", self.factor(source, target, factor))]
        if times == 1:
            return [("/", self.factor(target, source, over))]
        return [
            ("*", self.factor(source, target, times, "numerator")),
            ("/", self.factor(source, target, over, "denominator")),
        ]

    def factor(self, source: str, target: str, value: Decimal, term: str = "") -> str:
        """The name of a conversion factor, or of a ``term`` of it: what two compound units share is left out of it."""
        over, under = _ratio(source, target)
        amount = f"a step of 1 {under}" if under in _SCALES else "1" if under == "1" else f"1 {under}"
        comment = f"{amount} as a plain number" if over == "1" else f"{amount} in {over}"
        name = f"{_upper(over)}_PER_{_upper(under)}"
        if term:
            name, comment = f"{name}_{term.upper()}", f"{comment}, an exact ratio: its {term}"
        return self._named(name, value, comment)

    def shift(self, source: str, target: str, value: Decimal) -> str:
        """The name of the shift between two scales."""
        zero, scale = (_product(*found) if (found := _terms(unit)) else unit for unit in (source, target))
        return self._named(f"{_upper(scale)}_AT_ZERO_{_upper(zero)}", value, f"zero {zero} in {scale}")

    def _named(self, name: str, value: Decimal, comment: str) -> str:
        if name[0].isdigit():
            name = f"N{name}"
        base, count = name, 1
        while name in self.values and self.values[name][0] != value:
            count += 1
            name = f"{base}_{count}"
        self.values[name] = (value, comment)
        return name


def _terms(unit: str) -> tuple[list[str], list[str]] | None:
    """Numerator and denominator of a unit text such as gCH4*kg/kgCH4/mmBtu, None for another form."""
    over: list[str] = []
    under: list[str] = []
    text, place = _spelled(unit).replace(" ", "").replace("^", "**"), 0
    text = _BELOW.sub(lambda match: "/" + re.sub(r"(?<!\*)\*(?!\*)", "/", match[1]), text)
    if text in {"", "1", "-"}:
        return over, under
    if text.startswith("1/"):
        place = 1
    while place < len(text):
        match = _UNIT.match(text, place)
        if match is None:
            return None
        name = _short(match[2])
        (under if match[1] == "/" else over).extend(_TRAFFIC.get(name, (name,)) * int(match[3] or 1))
        place = match.end()
    return (over, under) if place == len(text) else None


@cache
def _short(name: str) -> str:
    """One way to write a unit, whatever its author or Pint calls it: metric_ton and tonne are t."""
    registry = units.registry()
    return units.symbol(registry.get_name(name)) if name in registry else name


def _ratio(source: str, target: str) -> tuple[str, str]:
    """Units (a, b) such that the conversion factor from source to target is in a per b."""
    first, second = _terms(source), _terms(target)
    if first is None or second is None:
        return target, source
    over, under = [*second[0], *first[1]], [*second[1], *first[0]]
    for name in list(over):
        if name in under:
            over.remove(name)
            under.remove(name)
    return (_product(over), _product(under)) if over or under else (target, source)


def _product(over: list[str], under: Iterable[str] = ()) -> str:
    powers = [f"{name}**{count}" if count > 1 else name for name, count in Counter(over).items()]
    return "/".join(["*".join(powers) or "1", *under])


def _spelled(unit: str) -> str:
    """A unit without the signs that stand in no name."""
    for sign, text in _SIGNS.items():
        unit = unit.replace(sign, text)
    return unit


def _upper(unit: str) -> str:
    """A unit as a part of a constant's name: 1/K is PER_K, a plain number ONE, a negative power NEG."""
    if unit.strip() in {"", "1", "-"}:
        return "ONE"
    text = re.sub(r"(?:\*\*|\^)\s*-\s*", "_neg", _spelled(unit).strip())
    text = re.sub(r"\*\*|\^", "", re.sub(r"^1\s*/", "/", text)).replace("/", "_per_")
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").upper() or "UNIT"
