"""Requests about what calculations rest on: factors, formulas; and calculations.

Belongs here: these requests. Does not belong here: the rule, the arithmetic (`greenlang.factors`, `greenlang.calc`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greenlang.client.call import API, Call, Document, Page, document, given, listed, part

if TYPE_CHECKING:
    from greenlang.factors import Factor
    from greenlang.factors.search import Hit


def search_factors(text: str, limit: int = 10) -> Call[Page[Hit]]:
    """Factors by words, the best first."""
    return Call("GET", f"{API}/ef/search", listed(_hit, "hits"), {"q": text, "limit": min(limit, 100)})


def factors(ref: str) -> Call[Page[Factor]]:
    """The factor of a reference, or the rows of a table by key."""
    return Call("GET", f"{API}/ef/factors", listed(_factor, "factors"), {"ref": ref, "limit": 1000})


def lookup(activity: str, *, rejected: int = 0, **asked: str | int | bool | None) -> Call[Document]:
    """What the selection rule says: ref, value, unit, steps and more; or ``refused`` with what would mend it."""
    params: dict[str, str | int] = {"activity": activity, "rejected": rejected, **given(**asked)}
    if asked.get("biogenic") is False:
        params["biogenic"] = "false"
    return Call("GET", f"{API}/ef/lookup", document, params, refused={"selection-refused": _refusal})


def calculate(
    formula_id: str, inputs: Mapping[str, Any], context: Mapping[str, Any] | None = None, *, keep: bool = False
) -> Call[Document]:
    """One calculation with its certificate; or ``errors`` that say where and what."""
    body = {"formula_id": formula_id, "inputs": dict(inputs), "context": dict(context or {}), "keep": keep}
    return Call("POST", f"{API}/ef/calculate", document, body=body, refused={"not-computable": document})


def formulas(text: str = "", *, domain: str = "") -> Call[Page[Document]]:
    """The formulas that hold the words: id, name, domain, citation, digest."""
    params = given(text=text, domain=domain)
    return Call("GET", f"{API}/formulas", listed(document, "formulas"), params)


def formula(formula_id: str) -> Call[Document]:
    """One formula: symbols, outputs, vectors, citation."""
    return Call("GET", f"{API}/formulas/{part(formula_id)}".replace("%2F", "/"), document)


def _factor(told: Document) -> Factor:
    from greenlang.factors import Factor

    figures = {"value", "uncertainty", "uncertainty_confidence"}
    known = {one.name for one in fields(Factor)}  # a newer server may tell more
    said: dict[str, Any] = {name: value for name, value in told["fields"].items() if name in known}
    said |= {name: Decimal(said[name]) for name in figures if said.get(name) is not None}
    return Factor(**said)


def _hit(told: Document) -> Hit:
    from greenlang.factors.search import Hit

    return Hit(_factor(told["factor"]), told["score"], told["alike"], told["standing"])


def _refusal(problem: Document) -> Document:
    said = ("hint", "request", "candidates", "words", "mends", "steps", "rejected", "rejected_rows")
    return {"refused": problem["detail"], **{name: problem.get(name) for name in said}}
