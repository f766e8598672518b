"""What a caller gives for a symbol, brought into one plain form.

The form is what stands in the certificate, and reading it again gives the same: a number, a text, a truth value, rows
of a table, a reference (``ef://...``), a request to the selection rule, or an override.

Belongs here: shapes of what is given. Does not belong here: whether it suits a formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text

from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import Quantity, exact, read_number
from greenlang.factors.select_model import Request
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol

SCHEME = "ef://"
REQUEST_FIELDS = Request.__slots__
_OVERRIDE = ("value", "unit", "basis", "reason", "approver", "citation")
MAX_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A figure that stands in place of a factor, a GWP or a parameter. ``reason`` and ``approver`` must be named.

    ``basis`` is that of CO2e (``AR5GWP100``), ``citation`` where the figure comes from.
    """

    value: Decimal | int | float | str
    unit: str
    reason: str
    approver: str
    basis: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class GivenNumber:
    """A number; ``unit`` is empty where it is meant in the declared unit."""

    value: Decimal
    unit: str
    basis: str


@dataclass(frozen=True, slots=True)
class GivenText:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class GivenTruth:
    """A truth value."""

    truth: bool


@dataclass(frozen=True, slots=True)
class GivenRows:
    """The rows of a table input."""

    rows: tuple[dict[str, Given], ...]


@dataclass(frozen=True, slots=True)
class GivenRef:
    """A reference to a factor row, or to a table in which one row fits."""

    ref: str


@dataclass(frozen=True, slots=True)
class GivenRequest:
    """What the selection rule is asked for: those fields of a `Request` that were said."""

    fields: dict[str, str | int | bool]


Given = GivenNumber | GivenText | GivenTruth | GivenRows | GivenRef | GivenRequest | Override


def plain(given: Given) -> dict[str, Any]:
    """The one plain form, as it stands in the certificate."""
    match given:
        case GivenNumber(value=value, unit=unit, basis=basis):
            return {"value": normal_text(value), "unit": unit, "basis": basis}
        case GivenText(text=text):
            return {"text": text}
        case GivenTruth(truth=truth):
            return {"truth": truth}
        case GivenRows(rows=rows):
            return {"rows": [{name: plain(cell) for name, cell in row.items()} for row in rows]}
        case GivenRef(ref=ref):
            return {"ref": ref}
        case GivenRequest(fields=asked):
            return {"request": dict(asked)}
        case Override():
            return {name: _text(getattr(given, name)) for name in _OVERRIDE}


def read_given(raw: object, symbol: FormulaSymbol | FormulaColumn, place: str) -> tuple[Given | None, list[Mistake]]:
    """What was given for a symbol, and what is wrong with it."""
    if symbol.type == "table":
        return _rows(raw, symbol.columns if isinstance(symbol, FormulaSymbol) else {}, place)
    try:
        return _single(raw, symbol.type), []
    except Refused as error:
        return None, [error.at(place)]


def _single(raw: object, kind: str) -> Given:
    if isinstance(raw, Override):
        return _override({name: getattr(raw, name) for name in _OVERRIDE})
    if isinstance(raw, Mapping):
        return _mapping(raw, kind)
    if isinstance(raw, bool):
        return GivenTruth(raw)
    if kind == "text" and isinstance(raw, str):
        return GivenText(raw)
    if kind == "truth" and isinstance(raw, str) and raw in {"true", "false"}:
        return GivenTruth(raw == "true")
    if isinstance(raw, Quantity):
        return _number(raw.value, raw.unit, raw.basis)
    if isinstance(raw, (Decimal, int, float)):
        return GivenNumber(exact(raw), "", "")
    if isinstance(raw, str):
        if raw.strip().startswith(SCHEME):
            return GivenRef(raw.strip())
        return GivenNumber(*read_number(raw), "")
    if isinstance(raw, Request):
        return _request({f.name: value for f in fields(raw) if (value := getattr(raw, f.name)) != f.default})
    raise Refused("wrong_type", f"a {type(raw).__name__} is nothing that can be given", "give a number with its unit")


def _mapping(raw: Mapping[Any, Any], kind: str) -> Given:
    keys = set(raw)
    if keys == {"text"} and isinstance(raw["text"], str):
        return GivenText(raw["text"])
    if keys == {"truth"} and isinstance(raw["truth"], bool):
        return GivenTruth(raw["truth"])
    if keys == {"ref"} and isinstance(raw["ref"], str):
        return GivenRef(raw["ref"].strip())
    if keys == {"request"} and isinstance(raw["request"], Mapping):
        return _request(raw["request"])
    if keys & {"reason", "approver", "citation"}:
        return _override(raw)
    if "value" in keys and keys <= {"value", "unit", "basis"}:
        return _number(raw["value"], raw.get("unit", ""), raw.get("basis", ""))
    if "activity" in keys:
        return _request(raw)
    names = ", ".join(str(key) for key in raw)
    raise Refused(
        "wrong_type", f"an entry with {names or 'nothing'} is no {kind}", "give value and unit, ref, or request"
    )


def _number(value: object, unit: object, basis: object) -> GivenNumber:
    if not isinstance(unit, str) or not isinstance(basis, str):
        raise Refused("wrong_type", "unit and basis are texts")
    if isinstance(value, str):
        number, written = read_number(value)
        if written and unit and written != unit:
            raise Refused("unit", f"`{value}` is said to be in {unit}", "name the unit once")
        return GivenNumber(number, unit or written, basis)
    return GivenNumber(exact(value), unit, basis)


def _override(raw: Mapping[Any, Any]) -> Override:
    if extra := [str(name) for name in raw if name not in _OVERRIDE]:
        raise Refused("override", f"an override has no `{extra[0]}`", near(extra[0], _OVERRIDE))
    texts = {name: raw.get(name, "") for name in _OVERRIDE[1:]}
    if wrong := [name for name, value in texts.items() if not isinstance(value, str)]:
        raise Refused("override", f"the override's {wrong[0]} is no text")
    missing = [name for name in ("value", "unit", "reason", "approver") if str(raw.get(name, "")).strip() == ""]
    if missing:
        raise Refused(
            "override",
            f"the override does not name its {' and '.join(missing)}",
            "an override names value, unit, reason and approver",
        )
    number = _number(raw["value"], texts["unit"].strip(), texts["basis"])
    clean = {name: value.strip() for name, value in texts.items()}
    return Override(value=number.value, **clean)


def _request(raw: Mapping[Any, Any]) -> GivenRequest:
    said: dict[str, str | int | bool] = {}
    for name, value in raw.items():
        if name not in REQUEST_FIELDS:
            raise Refused("wrong_type", f"a request has no `{name}`", near(str(name), REQUEST_FIELDS))
        if value is None or (value == "" and isinstance(value, str)):
            continue
        if not isinstance(value, (str, int, bool)):
            raise Refused("wrong_type", f"`{name}` of a request is a {type(value).__name__}")
        said[name] = value
    if not isinstance(said.get("activity"), str):
        raise Refused("missing_input", "the request names no activity")
    return GivenRequest(said)


def _rows(raw: object, columns: Mapping[str, FormulaColumn], place: str) -> tuple[Given | None, list[Mistake]]:
    entries = raw.get("rows") if isinstance(raw, Mapping) and set(raw) == {"rows"} else raw
    if isinstance(entries, (str, bytes, Mapping)) or not isinstance(entries, Sequence):
        return None, [Mistake("wrong_type", place, "a list of rows is needed", "give one mapping of columns a row")]
    if len(entries) > MAX_ROWS:
        return None, [Mistake("wrong_type", place, f"a table may have {MAX_ROWS:,} rows")]
    rows: list[dict[str, Given]] = []
    wrong: list[Mistake] = []
    for number, entry in enumerate(entries):
        here = f"{place}[{number}]"
        if not isinstance(entry, Mapping):
            wrong.append(Mistake("wrong_type", here, "a row is a mapping of columns"))
            continue
        row: dict[str, Given] = {}
        for name in entry:
            if name not in columns:
                wrong.append(
                    Mistake("unknown_input", f"{here}.{name}", "there is no such column", near(str(name), columns))
                )
        for name, column in columns.items():
            if entry.get(name) is None:
                wrong.append(Mistake("missing_input", f"{here}.{name}", f"the {column.meaning or name} is missing"))
                continue
            given, mistakes = read_given(entry[name], column, f"{here}.{name}")
            wrong += mistakes
            if given is not None:
                row[name] = given
        rows.append(row)
    return GivenRows(tuple(rows)), wrong


def _text(value: object) -> str:
    return normal_text(value) if isinstance(value, Decimal) else str(value)
