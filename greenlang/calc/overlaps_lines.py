"""Lines of an inventory, with what must be known of them to tell whether two count the same emission.

Belongs here: the shape of a line, reading lines from rows of a file and from certificates. Does not belong here: the
rules (``overlaps_rules``), comparing lines (``overlaps``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.overlaps_rules import OverlapRules, declared_rules
from greenlang.calc.quantity import BIOGENIC_CO2, CO2E, exact, known_unit, power_of
from greenlang.factors.model import Factor
from greenlang.factors.table import SCHEME, FactorTable, split_ref

METHODS = ("", "location-based", "market-based")
_SHORT = 12  # digits of a digest that name a certificate
_SCOPES = ("", "1", "2", "3")
_CATEGORY = re.compile(r"(?:3\.)?([1-9]|1[0-5])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: ``value`` in ``unit`` (kgCO2e, tCO2e; kgCO2b for biogenic CO2, which stays outside totals).

    ``activity`` names the row of activity data: lines that share it come from the same kWh or the same invoice.
    ``tranche`` tells parts of one activity apart (what an instrument covers, and the rest). ``place`` and ``period``
    tell where and when; lines that differ in either do not overlap. ``factors`` are keys, ``part_of`` pairs of one of
    them and the key of a whole that it is a part of. Everything that does not apply or is not known is empty.
    """

    id: str
    value: Decimal
    unit: str
    basis: str = ""
    scope: str = ""
    category: str = ""
    method: str = ""
    stage: str = ""
    gas: str = ""
    activity: str = ""
    tranche: str = ""
    place: str = ""
    period: str = ""
    factors: tuple[str, ...] = ()
    part_of: tuple[tuple[str, str], ...] = ()
    biogenic: bool = False

    @property
    def bucket(self) -> str:
        """Category, or scope where there is none: "3.3", "2"."""
        return self.category or self.scope

    @property
    def wholes(self) -> frozenset[str]:
        """Keys of all that the line's factors are parts of."""
        return frozenset(whole for _, whole in self.part_of)


_FIELDS = tuple(field.name for field in fields(Line))
_READ = tuple(name for name in _FIELDS if name not in {"factors", "part_of"})
_COLUMNS = (*_READ, "factor")


def read_lines(
    rows: Iterable[Mapping[str, Any]], table: FactorTable | None = None, rules: OverlapRules | None = None
) -> tuple[list[Line], list[Mistake]]:
    """Lines from rows with the names of `Line`, and ``factor``: keys or references, several with `;` between.

    What a row leaves unsaid is taken from its factors in ``table``: scope, category, stage, gas, method, biogenic
    origin, basis. Every mistake is collected.
    """
    rules = rules or declared_rules()
    out: list[Line] = []
    wrong: list[Mistake] = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        place = f"lines[{number}]"
        try:
            line = _line(row, table, rules, number)
        except Refused as error:
            wrong.append(error.at(place))
            continue
        if line.id in seen:
            wrong.append(Mistake("wrong_type", place, f"the line `{line.id}` is there twice", "give each its own id"))
        seen.add(line.id)
        out.append(line)
    return out, wrong


def line_of(row: Factor, table: FactorTable, rules: OverlapRules | None = None, **said: Any) -> Line:
    """A line on one factor row; ``said`` are further fields of `Line`, id, value and unit among them."""
    rules = rules or declared_rules()
    return Line(**{**_facts([row], table, rules), **said})


def certificate_lines(
    content: Mapping[str, Any], table: FactorTable, rules: OverlapRules | None = None
) -> tuple[list[Line], list[Mistake]]:
    """The lines of a result certificate: its outputs in CO2e that no other output is made of.

    Scope, category and the like come from its factor rows where they agree. ``activity`` is the digest of its inputs,
    cut short.
    """
    rules = rules or declared_rules()
    try:
        outputs = [entry for entry in content["outputs"] if _is_result(str(entry["unit"]))]
        expressions = {str(e["output"]): str(e["expression"]) for e in content["formula"]["expressions"]}
        digest = str(content["digest"])
        used = [str(record["key"]) for record in content["factors"]]
        inputs = {str(link["link"]): str(link["content"]) for link in content["chain"]}["inputs"]
    except (KeyError, TypeError):
        return [], [Mistake("wrong_type", "certificate", "this is no certificate of a result")]
    wrong = [
        Mistake("factor_not_found", "factors", f"ef://{key} is not in release {table.release}")
        for key in used
        if table.position(key) is None
    ]
    rows = [row for key in used if (row := table.get(key)) is not None and row.kind not in {"gwp", "property"}]
    inner = {
        name for expression in expressions.values() for name in re.findall(r"\w+", expression) if name in expressions
    }
    out = []
    for entry in outputs:
        name = str(entry["name"])
        if name in inner:
            continue
        biogenic = bool(entry["outside_totals"])
        facts = _facts([row for row in rows if row.biogenic == biogenic], table, rules)
        bases = [str(share["basis"]) for share in entry["shares"]]
        out.append(
            Line(
                **{
                    **facts,
                    "id": f"{digest[:_SHORT]}/{name}",
                    "value": exact(entry["value"]),
                    "unit": str(entry["unit"]),
                    "basis": bases[0] if len(bases) == 1 else "; ".join(bases),
                    "activity": inputs[:_SHORT],
                    "gas": "" if biogenic else "CO2e",
                    "tranche": "" if len(outputs) == 1 else name,
                    "biogenic": biogenic,
                }
            )
        )
    return out, wrong


def _is_result(unit: str) -> bool:
    return not _per(unit) and 1 in {power_of(CO2E, unit), power_of(BIOGENIC_CO2, unit)}


def _per(unit: str) -> bool:
    from greenlang import units

    return units.is_rate(unit)


def _facts(rows: list[Factor], table: FactorTable, rules: OverlapRules) -> dict[str, Any]:
    """What factor rows tell of a line, where they agree."""

    def one(values: Iterable[str]) -> str:
        found = set(values)
        return found.pop() if len(found) == 1 else ""

    part_of = dict.fromkeys((row.key, whole) for row in rows for whole in rules.wholes(row, table))
    return {
        "scope": one(row.scope for row in rows),
        "category": one(row.scope_category for row in rows),
        "stage": one(rules.stage(row) for row in rows),
        "gas": one(row.gas for row in rows),
        "method": one(row.scope2_method if row.scope == "2" else "" for row in rows),
        "basis": one(row.gwp_named for row in rows),
        "biogenic": bool(rows) and all(row.biogenic for row in rows),
        "factors": tuple(dict.fromkeys(row.key for row in rows)),
        "part_of": tuple(part_of),
    }


def _line(row: Mapping[str, Any], table: FactorTable | None, rules: OverlapRules, number: int) -> Line:
    said = {str(name).strip(): value for name, value in row.items() if value is not None}
    if extra := [name for name in said if name not in _COLUMNS]:
        raise Refused("unknown_input", f"a line has no `{extra[0]}`", near(extra[0], _COLUMNS))
    factors = _rows(str(said.pop("factor", "")), table)
    texts = {name: str(said[name]).strip() for name in said if name not in {"value", "biogenic"}}
    if "value" not in said or not texts.get("unit"):
        raise Refused("missing_input", "a line names value and unit", "give both")
    known_unit(texts["unit"])
    facts = _facts(factors, table, rules) if table is not None and factors else {}
    filled = {**facts, **{name: text for name, text in texts.items() if text}}
    filled["category"] = _category(str(filled.get("category", "")))
    filled["scope"] = str(filled.get("scope", "")) or ("3" if filled["category"] else "")
    _allowed("scope", filled["scope"], _SCOPES)
    _allowed("method", str(filled.get("method", "")), METHODS)
    if filled["category"] and filled["scope"] != "3":
        raise Refused("not_allowed", f"scope {filled['scope']} has no categories", "leave the category out")
    if "biogenic" in said:
        filled["biogenic"] = _truth(said["biogenic"])
    filled.setdefault("id", f"line {number + 1}")
    filled["stage"] = str(filled.get("stage", "")) or rules.unsaid.get(filled["scope"], "")
    return Line(value=exact(said["value"]), **filled)


def _rows(text: str, table: FactorTable | None) -> list[Factor]:
    keys = [split_ref(part)[0] for part in text.split(";") if part.strip()]
    if not keys or table is None:
        return []
    out = []
    for key in keys:
        row = table.get(key)
        if row is None:
            near_by = "; ".join(ref for ref, _ in table.nearest(f"{SCHEME}{key}"))
            raise Refused("factor_not_found", f"no factor `{SCHEME}{key}` in release {table.release}", near_by)
        out.append(row)
    return out


def _category(text: str) -> str:
    if not text:
        return ""
    match = _CATEGORY.fullmatch(text)
    if match is None:
        raise Refused("not_allowed", f"`{text}` is no category of scope 3", "write 3.1 to 3.15")
    return f"3.{match[1]}"


def _allowed(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Refused("not_allowed", f"`{value}` is no {name}", f"there is {', '.join(filter(None, allowed))}")


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in {"true", "false", ""}:
        raise Refused("wrong_type", f"`{value}` is neither true nor false")
    return text == "true"
