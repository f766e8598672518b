"""The two data files of a pack: `factors.json`, what it calculates with, and `pack.yaml`, the spec as it was resolved.

Belongs here: their content. Does not belong here: code, documents, test cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from greenlang.factors.model import plain_row, row_digest
from greenlang.factory import text
from greenlang.factory.parameters import PinnedParameters, parameter_tables
from greenlang.factory.views import View
from greenlang.llm.disclosing import named
from greenlang.resolution.plan import FactorLookup, Gap, OutputPlan, Resolution
from greenlang.specs.model import AgentSpec, InputSpec


def factors(resolution: Resolution, view: View) -> bytes:
    """The bytes of `factors.json`."""
    tables: dict[str, dict[str, Any]] = {}
    for part in resolution.flat:
        for name, table in part.lookups.items():
            stored = view.tables[part.spec.part, name]
            tables[stored] = _table(table) | {"name": stored}
        tables |= {table.name: _parameters(table) for table in parameter_tables(part)}
    rows = [plain_row(f) | {"digest": row_digest(f)} for f in view.pinned]
    rows += [row.as_row() | {"digest": row.digest} for row in view.parameters]
    return text.json_lines({"tables": [table for _, table in sorted(tables.items())], "factors": rows})


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "selectors": [{"input": name, "value": value} for name, value in gap.selectors],
        "reason": gap.reason,
        "candidates": list(gap.candidates),
    }


def _table(table: FactorLookup) -> dict[str, Any]:
    return {
        "name": table.name,
        "label": table.label,
        "unit": table.unit,
        "inputs": list(table.inputs),
        "rows": [{"when": list(key), "factor": row.key} for key, row in sorted(table.rows.items())],
        "gaps": [_gap(gap) for gap in table.gaps],
    }


def _parameters(table: PinnedParameters) -> dict[str, Any]:
    return {
        "name": table.name,
        "label": table.label,
        "unit": table.unit,
        "inputs": list(table.keys),
        "rows": [{"when": list(row.when), "factor": row.key} for row in table.rows],
        "gaps": [],
    }


def manifest(resolution: Resolution, view: View) -> bytes:
    """The bytes of `pack.yaml`."""
    spec = resolution.spec
    compute: dict[str, Any] = {"entrypoint": f"python://{view.package}:Agent", "deterministic": True}
    if view.toolbox:
        compute["tools"] = {part.spec.part: ports(part) for part in resolution.flat}
    else:
        compute |= ports(resolution)
    compute |= {"factors": list(_rows(view)), "gaps": [_gap(gap) for gap in view.gaps]}
    content = {
        "schema_version": "2.0.0",
        "id": spec.agent_id,
        "name": spec.name,
        "version": spec.version,
        "summary": text.one_line(spec.summary),
        "tags": list(spec.tags),
        "owners": list(spec.owners),
        "license": spec.license,
        **({"needs": spec.needs} if spec.needs else {}),
        **({"regulations": list(spec.regulations)} if spec.regulations else {}),
        "resolved_from": {"dialect": spec.dialect, "sha256": spec.digest, "gwp_set": spec.gwp_set} | _overlay(spec),
        "compute": compute,
    }
    return text.yaml(content).encode("utf-8")


def _overlay(spec: AgentSpec) -> dict[str, Any]:
    """The reviewed overlay by its content, whatever its file was called."""
    if spec.overlay is None:
        return {}
    reviewed = {"by": spec.overlay.reviewer, "on": spec.overlay.reviewed_on}
    drafted = {"proposed_by": [named(d) for d in spec.overlay.proposed]} if spec.overlay.proposed else {}
    return {"overlay": {"sha256": spec.overlay.digest, "reviewed": {k: v for k, v in reviewed.items() if v}} | drafted}


def ports(part: Resolution) -> dict[str, Any]:
    """Inputs and outputs of a part, as pack.yaml says them."""
    spec = part.spec
    return {
        "inputs": {name: _manifest_input(given) for name, given in spec.inputs.items()},
        "outputs": {
            name: {"dtype": o.dtype, "unit": o.unit, "description": text.one_line(o.description)}
            | _manifest_plan(part.plans[name])
            for name, o in spec.outputs.items()
        },
    }


def _rows(view: View) -> Iterable[dict[str, Any]]:
    for f in view.pinned:
        yield {"key": f.key, "value": f.value, "unit": f.unit, "citation": f.citation, "digest": row_digest(f)}
    for row in view.parameters:
        yield {
            "key": row.key,
            "value": row.value,
            "unit": row.unit,
            "citation": row.citation,
            "digest": row.digest,
        }


def _manifest_input(given: InputSpec) -> dict[str, Any]:
    content: dict[str, Any] = {"dtype": given.dtype, "unit": given.unit, "required": given.required}
    optional = {
        "default": given.default,
        "ge": given.ge,
        "gt": given.gt,
        "le": given.le,
        "lt": given.lt,
        "enum": list(given.enum) or None,
        "pattern": given.pattern,
        "columns": {column.name: _manifest_input(column) for column in given.columns} or None,
        "description": text.one_line(given.description) or None,
    }
    return content | {key: value for key, value in optional.items() if value is not None}


def _manifest_plan(plan: OutputPlan) -> dict[str, Any]:
    content: dict[str, Any] = {"means": plan.means, "formula": text.one_line(plan.text)}
    if plan.formula_id:
        content["formula_id"] = plan.formula_id
    if plan.citation:
        content["citation"] = text.one_line(plan.citation)
    if plan.decimals is not None:
        content["decimals"] = plan.decimals
    content["evidence"] = [{"kind": e.kind, "text": text.one_line(e.text)} for e in plan.evidence]
    return content
