"""What is given for scope 2: consumption, instruments, residual mixes; and reading it from plain values.

Belongs here: shapes of what is given, with every mistake collected. Does not belong here: criteria, allocation,
factors, results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text

from greenlang import units
from greenlang.calc.given import Given, GivenRef, GivenRequest, plain, read_given
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import exact, known_unit, read_number
from greenlang.calc.scope2_rules import declared_rules
from greenlang.errors import UnitError
from greenlang.formulas.declare import FormulaSymbol

Asked = GivenRef | GivenRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """An emission rate that the user states with its source: ``value`` in ``unit`` (kgCO2e/MWh), on a ``basis``."""

    value: Decimal
    unit: str
    basis: str
    citation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """Energy consumed in one place in one year.

    ``grid`` asks for the location-based factor; ``wtt``, ``td`` and ``wtt_td`` for those of scope 3 category 3, and
    ``outside`` for biogenic CO2 of the grid. ``market`` is where instruments must come from; empty: the region, or
    what contains it.
    """

    id: str
    quantity: Decimal
    unit: str
    year: int
    region: str
    grid: Asked
    energy: str = "electricity"
    market: str = ""
    place: str = ""
    wtt: Asked | None = None
    td: Asked | None = None
    wtt_td: Asked | None = None
    outside: Asked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A contractual instrument. ``volume`` None: all that is left of what it is for (a supplier's product).

    ``declared`` holds the user's answers to the quality criteria by id, ``evidence`` where each can be seen.
    ``applies_to`` names consumptions; empty: every one that it suits. ``outside`` is biogenic CO2 of the energy.
    """

    id: str
    kind: str
    volume: Decimal | None
    unit: str
    vintage: int | None
    market: str
    rate: Rate | None
    energy: str = "electricity"
    outside: Rate | None = None
    applies_to: tuple[str, ...] = ()
    declared: Mapping[str, bool] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualMix:
    """A residual mix of a market: a rate with its source, or a factor row. ``used_for`` are years of consumption."""

    market: str
    year: int
    used_for: tuple[int, ...]
    rate: Rate | None = None
    factor: Asked | None = None
    energy: str = "electricity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope2Request:
    """Everything that is given. ``before`` and ``after`` are years of vintage that the caller accepts."""

    consumption: tuple[Consumption, ...]
    instruments: tuple[Instrument, ...] = ()
    residual_mixes: tuple[ResidualMix, ...] = ()
    before: int = 0
    after: int = 0


def plain_request(request: Scope2Request) -> dict[str, Any]:
    """Plain JSON values, from which `read_request` gives the same again."""
    return {
        "consumption": [_plain(entry, quantity=("quantity", "unit")) for entry in request.consumption],
        "instruments": [_plain(entry, quantity=("volume", "unit")) for entry in request.instruments],
        "residual_mixes": [_plain(entry) for entry in request.residual_mixes],
        "vintage": {"before": request.before, "after": request.after},
    }


def _plain(entry: Any, quantity: tuple[str, str] | None = None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in entry.__slots__:
        value = getattr(entry, name)
        if value in (None, "", ()) or value == {}:
            continue
        if isinstance(value, Rate):
            value = {"value": normal_text(value.value), "unit": value.unit} | {
                said: text for said in ("basis", "citation") if (text := getattr(value, said))
            }
        elif isinstance(value, (GivenRef, GivenRequest)):
            value = plain(value)
        elif isinstance(value, Decimal):
            value = normal_text(value)
        out[name] = list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
    if quantity is not None and quantity[0] in out:
        out[quantity[0]] = f"{out[quantity[0]]} {out.pop(quantity[1])}"
    return out


def read_request(raw: Mapping[str, Any]) -> tuple[Scope2Request | None, list[Mistake]]:
    """A request from plain values, or every mistake in it.

    ``consumption``, ``instruments`` and ``residual_mixes`` are lists with the names of the shapes here; quantities are
    texts such as "1200 MWh", rates are mappings of value, unit, basis and citation (or "0.4 kgCO2e/kWh" with
    ``citation`` beside). ``vintage`` holds before and after.
    """
    reader = _Reader()
    reader.names(raw, ("consumption", "instruments", "residual_mixes", "vintage"), "")
    consumption = reader.each(raw, "consumption", reader.consumption)
    instruments = reader.each(raw, "instruments", reader.instrument)
    mixes = reader.each(raw, "residual_mixes", reader.residual_mix)
    default = declared_rules().vintage
    vintage = raw.get("vintage") or {}
    reader.names(vintage, ("before", "after"), "vintage")
    window = [reader.year(vintage.get(name, default[name]), f"vintage.{name}") for name in ("before", "after")]
    if not reader.wrong and not consumption:
        reader.wrong.append(Mistake("missing_input", "consumption", "no energy is consumed", "give at least one entry"))
    for place, entries in (("consumption", consumption), ("instruments", instruments)):
        reader.unique([entry.id for entry in entries], place)
    reader.known(instruments, {entry.id for entry in consumption})
    if reader.wrong:
        return None, reader.wrong
    assert None not in window
    return (
        Scope2Request(
            consumption=tuple(consumption),
            instruments=tuple(instruments),
            residual_mixes=tuple(mixes),
            before=window[0] or 0,
            after=window[1] or 0,
        ),
        [],
    )


class _Reader:
    def __init__(self) -> None:
        self.wrong: list[Mistake] = []
        self.rules = declared_rules()

    def names(self, raw: Any, known: Sequence[str], place: str) -> bool:
        """Whether it is a mapping; names that do not belong in it are mistakes."""
        if not isinstance(raw, Mapping):
            self.wrong.append(Mistake("wrong_type", place or "request", "a mapping is needed"))
            return False
        for name in raw:
            if name not in known:
                where = f"{place}.{name}".strip(".")
                self.wrong.append(Mistake("unknown_input", where, "there is no such entry", near(str(name), known)))
        return True

    def each(self, raw: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any], str], Any]) -> list[Any]:
        entries = raw.get(name) or []
        if not isinstance(entries, (list, tuple)):
            self.wrong.append(Mistake("wrong_type", name, "a list is needed"))
            return []
        out = []
        for number, entry in enumerate(entries):
            place = f"{name}[{number}]"
            before = len(self.wrong)
            if not isinstance(entry, Mapping):
                self.wrong.append(Mistake("wrong_type", place, "a mapping is needed"))
                continue
            try:
                found = read(entry, place)
            except Refused as error:
                self.wrong.append(error.at(place))
                continue
            if len(self.wrong) == before:
                out.append(found)
        return out

    def consumption(self, raw: Mapping[str, Any], place: str) -> Consumption | None:
        self.names(raw, Consumption.__slots__, place)
        quantity, unit = self.quantity(raw.get("quantity"), f"{place}.quantity")
        grid, wtt, td, wtt_td, outside = (self.asked(raw.get(name), f"{place}.{name}", unit) for name in _ASKED)
        year = self.year(raw.get("year"), f"{place}.year")
        texts = self.texts(raw, place, needed=("id", "region"), also=("market", "place"))
        energy = self.one_of(raw.get("energy", "electricity"), self.rules.energy, f"{place}.energy")
        if raw.get("grid") is None:
            message = "the location-based factor is missing"
            self.wrong.append(
                Mistake("missing_input", f"{place}.grid", message, "give an ef:// reference or a request")
            )
        if quantity is None or year is None or grid is None:
            return None
        return Consumption(
            id=texts["id"],
            quantity=quantity,
            unit=unit,
            year=year,
            region=texts["region"],
            grid=grid,
            energy=energy,
            market=texts["market"],
            place=texts["place"],
            wtt=wtt,
            td=td,
            wtt_td=wtt_td,
            outside=outside,
        )

    def instrument(self, raw: Mapping[str, Any], place: str) -> Instrument:
        self.names(raw, Instrument.__slots__, place)
        kinds = [entry.kind for entry in self.rules.order if entry.kind not in {"residual-mix", "location-based"}]
        kind = self.one_of(raw.get("kind"), kinds, f"{place}.kind")
        volume, unit = None, ""
        if raw.get("volume") is not None:
            volume, unit = self.quantity(raw["volume"], f"{place}.volume")
        elif kind != "supplier":
            self.wrong.append(Mistake("missing_input", f"{place}.volume", "the volume is missing", "give it in MWh"))
        declared = raw.get("declared") or {}
        asked = [entry.id for entry in self.rules.criteria if entry.how == "declared"]
        if self.names(declared, asked, f"{place}.declared"):
            for name, answer in declared.items():
                if not isinstance(answer, bool):
                    self.wrong.append(Mistake("wrong_type", f"{place}.declared.{name}", "answer true or false"))
        else:
            declared = {}
        evidence = raw.get("evidence") or {}
        self.names(evidence, [entry.id for entry in self.rules.criteria], f"{place}.evidence")
        applies_to = raw.get("applies_to") or ()
        return Instrument(
            **self.texts(raw, place, needed=("id",), also=("market",)),
            kind=kind,
            volume=volume,
            unit=unit,
            vintage=None if raw.get("vintage") is None else self.year(raw["vintage"], f"{place}.vintage"),
            rate=self.rate(raw.get("rate"), f"{place}.rate", "kgCO2e/kWh"),
            outside=self.rate(raw.get("outside"), f"{place}.outside", "kgCO2b/kWh"),
            energy=self.one_of(raw.get("energy", "electricity"), self.rules.energy, f"{place}.energy"),
            applies_to=(applies_to,) if isinstance(applies_to, str) else tuple(str(name) for name in applies_to),
            declared=dict(declared),
            evidence={str(name): str(text) for name, text in dict(evidence).items()},
        )

    def residual_mix(self, raw: Mapping[str, Any], place: str) -> ResidualMix | None:
        self.names(raw, ResidualMix.__slots__, place)
        year = self.year(raw.get("year"), f"{place}.year")
        used_for = raw.get("used_for") or ([year] if year is not None else [])
        years = [self.year(entry, f"{place}.used_for") for entry in used_for]
        rate = self.rate(raw.get("rate"), f"{place}.rate", "kgCO2e/kWh")
        factor = self.asked(raw.get("factor"), f"{place}.factor", "kWh")
        if (rate is None) == (factor is None):
            message = "a residual mix is either a rate or a factor row"
            self.wrong.append(Mistake("missing_input", place, message, "give exactly one of rate and factor"))
        if rate is not None and not rate.citation:
            self.wrong.append(Mistake("missing_input", f"{place}.rate", "the residual mix has no source", "cite it"))
        if year is None:
            return None
        return ResidualMix(
            **self.texts(raw, place, needed=("market",), also=()),
            year=year,
            used_for=tuple(entry for entry in years if entry is not None),
            rate=rate,
            factor=factor,
            energy=self.one_of(raw.get("energy", "electricity"), self.rules.energy, f"{place}.energy"),
        )

    def quantity(self, raw: Any, place: str) -> tuple[Decimal | None, str]:
        try:
            if not isinstance(raw, str):
                raise Refused("missing_input", "an amount of energy is needed", 'write it like "1200 MWh"')
            value, unit = read_number(raw)
            known_unit(unit or "1")
            if not units.same_dimension(unit or "1", "kWh"):
                raise Refused("unit", f"`{raw}` is no amount of energy", 'write it like "1200 MWh"')
            if value < 0:
                raise Refused("out_of_range", f"`{raw}` is less than nothing", "give an amount of zero or more")
        except Refused as error:
            self.wrong.append(error.at(place))
            return None, ""
        return value, unit

    def rate(self, raw: Any, place: str, like: str) -> Rate | None:
        if raw is None:
            return None
        try:
            if isinstance(raw, str):
                raw = {"value": raw}
            if not self.names(raw, ("value", "unit", "basis", "citation"), place):
                return None
            number, unit = (
                read_number(raw["value"]) if isinstance(raw.get("value"), str) else (exact(raw.get("value")), "")
            )
            unit = unit or str(raw.get("unit", ""))
            known_unit(unit or "1")
            if not units.same_dimension(unit or "1", like):
                raise Refused("unit", f"`{unit}` is not like {like}", f"write it in {like}")
            if number < 0:
                raise Refused("out_of_range", "a rate below zero is no emission rate", "give zero or more")
        except Refused as error:
            self.wrong.append(error.at(place))
            return None
        except UnitError as error:
            self.wrong.append(Mistake("unit", place, str(error)))
            return None
        return Rate(value=number, unit=unit, basis=str(raw.get("basis", "")), citation=str(raw.get("citation", "")))

    def asked(self, raw: Any, place: str, unit: str) -> Asked | None:
        if raw is None:
            return None
        symbol = FormulaSymbol("factor", f"kgCO2e/({unit or 'kWh'})", "factor")
        found: Given | None
        found, wrong = read_given(raw, symbol, place)
        self.wrong += wrong
        if found is not None and not isinstance(found, (GivenRef, GivenRequest)):
            self.wrong.append(Mistake("wrong_type", place, "a factor row is needed", "give ef://... or a request"))
            return None
        return found

    def year(self, raw: Any, place: str) -> int | None:
        if isinstance(raw, str) and raw.strip().isdigit():
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int):
            self.wrong.append(Mistake("wrong_type", place, "a year is needed, a whole number"))
            return None
        return raw

    def texts(
        self, raw: Mapping[str, Any], place: str, *, needed: Sequence[str], also: Sequence[str]
    ) -> dict[str, str]:
        out = {name: str(raw.get(name) or "").strip() for name in (*needed, *also)}
        for name in needed:
            if not out[name]:
                self.wrong.append(Mistake("missing_input", f"{place}.{name}", f"the {name} is missing"))
        return out

    def one_of(self, raw: Any, known: Sequence[str], place: str) -> str:
        if raw not in known:
            self.wrong.append(Mistake("not_allowed", place, f"`{raw}` is unknown", near(str(raw), known)))
        return str(raw)

    def unique(self, ids: list[str], place: str) -> None:
        for name in sorted({name for name in ids if ids.count(name) > 1}):
            self.wrong.append(Mistake("wrong_type", place, f"`{name}` is there twice", "give each its own id"))

    def known(self, instruments: Sequence[Instrument], ids: set[str]) -> None:
        for instrument in instruments:
            for name in instrument.applies_to:
                if name not in ids:
                    message = f"instrument {instrument.id} is for `{name}`, and there is no such consumption"
                    self.wrong.append(Mistake("unknown_input", "instruments", message, near(name, ids)))


_ASKED = ("grid", "wtt", "td", "wtt_td", "outside")
