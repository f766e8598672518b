"""Verifying stored results of scope 2 and of spends: their seal, their release, and everything computed again.

A finding names the section that differs (``link``) and the leaf in it. What nobody can compute again (tenant, inventory
boundary, the user's own figures and citations) is held by the seal only, so the digest must be kept elsewhere: give
it as ``expected``. Figures of money come from the user's tables, or from what the result recorded of them.

Belongs here: findings about these two. Does not belong here: result certificates (``verify``), batches
(``batch_verify``), telling the kinds apart (``verify_kinds``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from greenlang.calc import scope2, spend
from greenlang.calc.certificate import plain_values
from greenlang.calc.context import CalculationContext, read_context
from greenlang.calc.engine import ENGINE, CalculationEngine
from greenlang.calc.mistakes import Mistake
from greenlang.calc.scope2_result import FORMAT as SCOPE2
from greenlang.calc.sealed import OUTER, mistake_findings, seal_findings
from greenlang.calc.spend_result import FORMAT as SPEND
from greenlang.calc.spend_result import LIST
from greenlang.calc.spend_tables import MoneyTables, recorded_tables
from greenlang.calc.verify import Finding, Verification, differences

Again = Callable[[CalculationContext], dict[str, Any]]  # computes the plain form anew
_SECTIONS = {"context": "context", "context.release": "release", "release": "release", "tables": "tables"}
_BROKEN = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, AssertionError)


def verify_scope2(content: Mapping[str, Any], engine: CalculationEngine, *, expected: str = "") -> Verification:
    """A stored result of scope 2, from its own request and the table."""

    def again(context: CalculationContext) -> dict[str, Any]:
        return scope2.calculate(engine, content["request"], context).as_dict()

    findings, notes = _checked(content, engine, SCOPE2, expected, again)
    return Verification(not findings, tuple(dict.fromkeys(findings)), tuple(notes))


def verify_spend(
    content: Mapping[str, Any],
    engine: CalculationEngine,
    *,
    tables: MoneyTables | None = None,
    expected: str = "",
) -> Verification:
    """A stored spend, or a list of them, from its own request, the table and the user's tables.

    Without ``tables`` the figures of money are those that the result recorded, and a note says so.
    """
    if "spends" in content:
        findings, notes = _listed(content, engine, tables, expected)
    else:
        findings, notes = _spend(content, engine, tables, expected)
    if tables is None:
        notes.append(
            "exchange rates, price indices and margins are those that the result recorded; --table compares them"
        )
    return Verification(not findings, tuple(dict.fromkeys(findings)), tuple(dict.fromkeys(notes)))


def _listed(
    content: Mapping[str, Any], engine: CalculationEngine, tables: MoneyTables | None, expected: str
) -> tuple[list[Finding], list[str]]:
    """The seal of the list, and each spend in it."""
    findings = seal_findings(content, expected)
    notes: list[str] = []
    if content.get("format") != LIST:
        findings.append(Finding("format", "format", "the format is another", _short(content.get("format")), LIST))
    findings += [
        Finding(name, name, f"`{name}` does not belong to a list of spends")
        for name in sorted({*content} - {*OUTER, "format", "spends"})
    ]
    spends = content["spends"]
    if not isinstance(spends, list) or not all(isinstance(entry, Mapping) for entry in spends):
        return [*findings, Finding("spends", "spends", "a list of results is needed")], notes
    for number, entry in enumerate(spends):
        if entry.get("success") is False:
            notes.append(f"spends[{number}] was not computed: only the seal of the list holds it")
            continue
        found, told = _spend(entry, engine, tables, "")
        findings += [
            Finding("spends", f"spends[{number}].{one.place}", f"spends[{number}]: {one}", one.stated, one.found)
            for one in found
        ]
        notes += told
    return findings, notes


def _spend(
    content: Mapping[str, Any], engine: CalculationEngine, tables: MoneyTables | None, expected: str
) -> tuple[list[Finding], list[str]]:
    def again(context: CalculationContext) -> dict[str, Any]:
        figures = recorded_tables(content["tables"]) if tables is None else tables
        return spend.calculate(engine, content["request"], figures, context).as_dict()

    return _checked(content, engine, SPEND, expected, again)


def _checked(
    content: Mapping[str, Any], engine: CalculationEngine, form: str, expected: str, again: Again
) -> tuple[list[Finding], list[str]]:
    findings = seal_findings(content, expected)
    notes: list[str] = []
    if content.get("format") != form:
        findings.append(Finding("format", "format", "the format is another", _short(content.get("format")), form))
    if content.get("engine") != plain_values(ENGINE):
        notes.append(f"made by {_short(content.get('engine'))}, verified by {_short(plain_values(ENGINE))}")
    findings += _release(content.get("release"), engine)
    findings += _again(content, again)
    return findings, notes


def _release(stated: Any, engine: CalculationEngine) -> list[Finding]:
    table = engine.table
    named = stated if isinstance(stated, Mapping) else {}
    if named.get("name") != table.release:
        message = f"made with release {named.get('name')}, verified against {table.release}"
        return [Finding("release", "release.name", message, _short(named.get("name")), table.release)]
    if named.get("digest") != table.digest:
        message = f"release {table.release} holds other rows than those the result was made with"
        return [Finding("release", "release.digest", message, _short(named.get("digest")), table.digest)]
    return []


def _again(content: Mapping[str, Any], again: Again) -> list[Finding]:
    """The whole result anew, compared leaf by leaf."""
    try:
        context, wrong = read_context(content["context"])
        made = again(context)
    except _BROKEN as error:
        message = f"what was given cannot be computed with: {type(error).__name__}: {error}"
        return [Finding("request", "request", message)]
    if not made["success"]:
        return mistake_findings([*wrong, *(Mistake(**entry) for entry in made["mistakes"])], _SECTIONS)
    out = mistake_findings(wrong, _SECTIONS)
    for name in sorted({*content, *made} - {*OUTER, "engine", "release", "format"}):
        if name not in made:
            out.append(Finding(name, name, f"`{name}` does not belong to this result"))
            continue
        for place, told, found in differences(content.get(name, "(nothing)"), made[name], name):
            message = f"{place} is {_short(told)}, recomputed {_short(found)}"
            out.append(Finding(name, place, message, _short(told), _short(found)))
    return out


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
