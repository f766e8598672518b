"""A spec of dialect A, C or D as one of dialect B, or as several: one for each tool or agent.

What dialect B cannot say is not carried over, and every such thing is listed. A spec with parts becomes a file a part,
under the id ``<agent id>/<part>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from greenlang.errors import FormulaError
from greenlang.formulas.parse import parse as parse_expression
from greenlang.specs import yamltext
from greenlang.specs.base import ID
from greenlang.specs.dialect_b import UNKNOWN
from greenlang.specs.model import AgentSpec, FormulaGiven, GoldenCase, InputSpec, OutputSpec


@dataclass(frozen=True, slots=True)
class Converted:
    """``files``: file name -> text. ``notes``: what changed or was not carried over. ``refused``: why there is none."""

    files: dict[str, str]
    notes: tuple[str, ...] = ()
    refused: str = ""


def to_b(
    spec: AgentSpec, *, domain: str | None = None, proved: Mapping[str, Mapping[str, str]] | None = None
) -> Converted:
    """Convert a spec. ``domain`` goes before an id without a slash; its first tag or ``agents`` otherwise.

    ``proved``: part -> output -> the formula that its prose was proved to be (``greenlang.resolution.carry``).
    """
    if spec.dialect == "B":
        return Converted({}, refused="the spec is of dialect B already")
    agent_id, notes = _id(spec, domain)
    parts = spec.parts or (spec,)
    files: dict[str, str] = {}
    for part in parts:
        both = sorted(part.outputs.keys() & (part.inputs.keys() | part.unused.keys()))
        if both:
            where = f"{part.part} is not converted: " if part.part else ""
            names = ", ".join(f"`{n}`" for n in both)
            notes.append(f"{where}{names}: both an input and an output, which dialect B does not allow; rename one")
            continue
        own = f"{agent_id}/{part.part}" if spec.parts else agent_id
        told = (proved or {}).get(part.part, {})
        files[f"{(part.part or agent_id.rsplit('/', 1)[-1])}.pack.yaml"] = yamltext.block(
            _pack(part, own, told, _needs(spec, part))
        )
        notes += [f"{part.part}: {n}" if spec.parts else n for n in _notes(part, told)]
    if not files:
        return Converted({}, tuple(notes), refused=notes[-1])
    left = [d.agent_id for one in (spec, *spec.parts) for d in one.dependencies if d.agent_id not in _needs(spec, one)]
    if left:
        notes.append(f"dependencies are not carried over: {', '.join(dict.fromkeys(left))}")
    lost = [line.path for line in spec.ledger if line.fate == "ignored"]
    sections = dict.fromkeys(re.split(r"[.\[]", path, maxsplit=1)[0] for path in lost)
    if sections:
        notes.append(f"{len(lost)} keys that have no effect are not carried over, in: {', '.join(sections)}")
    return Converted(files, tuple(notes))


def _id(spec: AgentSpec, domain: str | None) -> tuple[str, list[str]]:
    if "/" in spec.agent_id and domain is None:
        return spec.agent_id, []
    tag = next((t for t in spec.tags if re.fullmatch(r"[a-z0-9]+(?:[_-][a-z0-9]+)*", t)), "agents")
    made = f"{domain or tag}/{spec.agent_id.rsplit('/', 1)[-1] if domain else spec.agent_id}"
    return made, [f"the id is `{made}`, because dialect B wants a domain before a slash; it was `{spec.agent_id}`"]


def _pack(spec: AgentSpec, agent_id: str, proved: Mapping[str, str], needs: Mapping[str, str]) -> dict[str, Any]:
    compute: dict[str, Any] = {
        "inputs": {
            **{n: _input(i) for n, i in spec.inputs.items()},
            **{n: _input(replace(i, columns=())) for n, i in spec.unused.items()},
        },
        "outputs": {
            n: {**_described(o.dtype, o.unit, o.description), **_some(enum=list(o.enum))}
            for n, o in spec.outputs.items()
        },
        "factors": {a: _some(ref=r.ref, gwp_set=r.gwp_set, description=r.description) for a, r in spec.factors.items()},
        "formulas": {**proved, **{f.output: _formula(f) for f in (*spec.formulas.values(), *constants(spec))}},
    }
    tests = {"golden": [_case(c) for c in spec.golden if c.expect], "properties": [
        _some(name=p.name, rule=p.rule, tolerance=p.tolerance, description=p.description) for p in spec.properties
    ]}  # fmt: skip
    return {
        "schema_version": "2.0.0",
        "id": agent_id,
        "name": spec.name,
        "version": spec.version,
        **_some(summary=spec.summary, tags=list(spec.tags), owners=list(spec.owners)),
        "license": spec.license,
        **_some(needs=needs, regulations=list(spec.regulations)),
        "compute": {k: v for k, v in compute.items() if v or k in {"inputs", "outputs"}},
        **_some(tests={k: v for k, v in tests.items() if v}),
        **_some(provenance=_some(gwp_set=spec.gwp_set)),
        **{k: v for k, v in spec.extra.items() if k in {"ai", "realtime", "security", "metadata"}},
    }


def _needs(spec: AgentSpec, part: AgentSpec) -> dict[str, str]:
    """What a part needs of agents that are none of its pack, as far as dialect B has such ids."""
    named = {d.agent_id for d in part.dependencies if d.relation == "needs"}
    return {agent: versions for agent, versions in spec.needs.items() if agent in named and ID.match(agent)}


def _input(item: InputSpec) -> dict[str, Any]:
    return {
        **_described(item.dtype, item.unit, item.description),
        **({} if item.required or item.default is not None else {"required": False}),
        **_some(default=item.default, ge=item.ge, gt=item.gt, le=item.le, lt=item.lt),
        **_some(enum=list(item.enum), pattern=item.pattern, columns={c.name: _input(c) for c in item.columns}),
    }


def _described(dtype: str, unit: str, description: str) -> dict[str, Any]:
    return {"dtype": dtype, **({} if unit == "1" else {"unit": unit or UNKNOWN}), **_some(description=description)}


def _formula(given: FormulaGiven) -> Any:
    if given.expression is not None:
        return given.expression
    return _some(formula=given.formula_id, output=given.formula_output, bind=dict(given.bind))


def constants(spec: AgentSpec) -> Iterator[FormulaGiven]:
    """Outputs that always have one value, as formulas."""
    for prose in spec.prose:
        out = spec.outputs.get(prose.output)
        if prose.kind != "value" or out is None:
            continue
        text = json.dumps(prose.text, ensure_ascii=False) if out.dtype == "string" else prose.text
        if out.numeric and out.unit not in {"", "1"}:
            text = f"{prose.text} [{out.unit}]"
        try:
            parse_expression(text)
        except FormulaError:
            continue
        yield FormulaGiven(out.name, text)


def _case(case: GoldenCase) -> dict[str, Any]:
    expect = {
        name: wanted.value if wanted.tol is None else {"value": wanted.value, "tol": wanted.tol}
        for name, wanted in case.expect.items()
    }
    return {"name": case.name, **_some(description=case.description), "input": case.input, "expect": expect}


def _some(**values: Any) -> dict[str, Any]:
    """The values that say something."""
    return {k: v for k, v in values.items() if v is not None and v not in ("", [], {}, ())}


def _notes(spec: AgentSpec, proved: Mapping[str, str]) -> Iterator[str]:
    kept = {f.output for f in constants(spec)}
    for output, text in proved.items():
        yield f"the author's text of `{output}` is its formula now: {text}"
    whole = spec.outputs.keys() <= {*proved, *kept, *spec.formulas}
    for prose in spec.prose:
        if prose.kind == "value" and prose.output in kept:
            yield f"`{prose.output}` always has one value: that is its formula now"
        elif prose.kind != "description" and prose.output not in proved and not (whole and not prose.output):
            about = f" of `{prose.output}`" if prose.output else ""
            yield f"the {prose.kind.replace('_', ' ')}{about} in line {prose.line} is prose; write it as a formula"
    ports: list[InputSpec | OutputSpec] = [*spec.inputs.values(), *spec.outputs.values()]
    for port in ports:
        if port.unit_from in {"name", "description"}:
            yield f"the unit of `{port.name}`, taken from its {port.unit_from}, is stated now: {port.unit}"
        elif port.numeric and not port.unit:
            yield f"nobody states the unit of `{port.name}`: it is `{UNKNOWN}` until somebody does"
    for ref in spec.factors.values():
        if ref.value is not None:
            yield f"the figure that the author names for `{ref.alias}` is not carried over: {ref.value} {ref.unit}"
    for case in spec.golden:
        if case.origin == "example":
            yield f"the worked example `{case.name}` is a golden case now"
        for limit in case.limits:
            yield f"golden case `{case.name}`: the limit of `{limit.output}` is not carried over"
        if any(e.within is not None for e in case.expect.values()):
            yield f"golden case `{case.name}`: tolerances are shares of the value now"
