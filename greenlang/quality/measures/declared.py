"""What the agent says of itself, and what its tests expect, against the plan.

An agent is no witness for itself, and nor are files that lie beside it: units, formulas, sources, digits and fields are
asked of the running agent, expected values are read from ``tests/vectors.json``, and both are held to the resolution.

Belongs here: that comparison. Does not belong here: making cases (`greenlang.factory.cases`), asking
(`greenlang.sandbox.child_doors`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.measures.results import NOT_RUN, inapplicable, none, short
from greenlang.quality.measures.subject import Subject, json_object, mapping
from greenlang.quality.reference import answer, typed
from greenlang.resolution.plan import Resolution
from greenlang.specs.base import violates

SAID, EXPECTED = "says what the plan says", "expected values"
_ANY = "any"  # a refusal of whatever code


def said(subject: Subject) -> MeasureResult:
    """What the running agent says of its calculations and fields, and what its API says of the fields."""
    service = subject.case.trial.service
    if service is None:
        return inapplicable(SAID, f"the agent's own words: it {NOT_RUN}")
    if not service.told:
        return inapplicable(SAID, service.detail or "the agent did not come to say anything of itself")
    if subject.case.resolution.missing:
        return inapplicable(SAID, "not every output has a plan to compare with")
    found = [Detail(text, rule="declared") for text in _said(subject, service.told, service.http)]
    return none(SAID, found, "contradictions")


def _said(subject: Subject, told: Mapping[str, Any], http: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    for name, wanted in (("agent_id", subject.spec.agent_id), ("version", subject.spec.version)):
        if told.get(name) != wanted:
            yield f"its {name} is {told.get(name)!r}, of the spec {wanted!r}"
    parts = mapping(told.get("parts"))
    if list(parts) != list(subject.contents):
        yield f"it has the tools {list(parts)}, of the spec {list(subject.contents)}"
    for part, content in subject.contents.items():
        own = mapping(parts.get(part))
        head = f"{part}: " if part else ""
        yield from (f"{head}{text}" for text in _other(content["tools"], own.get("tools"), ("output",)))
        yield from (f"{head}{text}" for text in _other(content["fields"], own.get("fields"), ("model", "name")))
        shown = _shown(http, part)
        if shown is not None:
            said = _other(content["fields"], shown, ("model", "name"))
            yield from (f"{head}the API's schema: {text}" for text in said)


def _shown(http: Mapping[str, tuple[int, str]], part: str) -> list[dict[str, str]] | None:
    """The fields in the schema that the API gives; None where it was not asked."""
    status, body = http.get("GET /tools" if part else "GET /schema", (0, ""))
    if not status:
        return None
    schemas = json_object(body).get(part) if part else json_object(body)
    fields: list[dict[str, str]] = []
    rows: dict[str, Any] = {}
    for model in ("Input", "Output"):
        schema = mapping(schemas).get(model.lower())
        fields += _described(model, schema)
        rows |= mapping(mapping(schema).get("$defs"))
    return [*fields, *(field for name, schema in rows.items() for field in _described(name, schema))]


def _described(model: str, schema: object) -> list[dict[str, str]]:
    properties = mapping(mapping(schema).get("properties"))
    return [
        {"model": model, "name": str(name), "description": str(mapping(field).get("description", ""))}
        for name, field in properties.items()
    ]


def _other(ours: list[dict[str, Any]], theirs: object, keys: tuple[str, ...]) -> Iterator[str]:
    """Where a list of statements is not ours; each is told by its ``keys``."""
    own = {_key(one, keys): one for one in theirs if isinstance(one, dict)} if isinstance(theirs, list) else {}
    for wanted in ours:
        key = _key(wanted, keys)
        one = own.pop(key, None)
        if one is None:
            yield f"{key} is missing"
            continue
        for name, value in wanted.items():
            if one.get(name) != value:
                yield f"{name} of {key} is {_short(one.get(name))}, of the plan {_short(value)}"
    yield from (f"{key} is no part of the plan" for key in own)


def _key(one: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return " ".join(str(one.get(name, "")) for name in keys)


# --- tests/vectors.json ---------------------------------------------------------------------------------------------


def expected(subject: Subject) -> MeasureResult:
    """Every case of the vectors: one that the factory makes of the resolution, or else one that the plan bears out."""
    if subject.case.resolution.missing:
        return inapplicable(EXPECTED, "not every output has a plan to compare with")
    found: list[Detail] = []
    for path, part in zip(subject.vector_files, subject.case.resolution.flat, strict=True):
        data = subject.files.bytes(path)
        if data == subject.rendered[path]:
            continue
        content = json_object(data)
        wrong = _cases(part, subject.contents[part.spec.part], content) if content else ["there are no vectors"]
        found += [Detail(text, path, rule="vectors") for text in wrong]
    return none(EXPECTED, found, "contradictions")


_STATED = {
    "tools": ("output",),
    "fields": ("model", "name"),
    "figures": ("table", "when"),
    "bounds": ("name",),
    "scaling": ("output", "input"),
}


def _cases(part: Resolution, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for kind, keys in _STATED.items():
        if theirs.get(kind) != ours[kind]:
            yield from (f"{kind}: {text}" for text in _other(ours[kind], theirs.get(kind), keys))
    for kind, check in (("vectors", _vector), ("refused", _refused), ("accepted", _accepted)):
        cases = theirs.get(kind)
        if cases == ours[kind]:
            continue
        known = {json.dumps(case, sort_keys=True) for case in ours[kind]}
        for case in cases if isinstance(cases, list) else ():
            if json.dumps(case, sort_keys=True) not in known and (text := _checked(check, part, case)):
                yield f"{kind}: {mapping(case).get('name')}: {text}"
    given = [mapping(case).get("input") for case in theirs.get("vectors") or ()]
    for case in ours["vectors"]:
        if case["origin"] == "golden" and case["input"] not in given:
            yield f"vectors: the worked case {case['name']} is not tested"


def _checked(check: Callable[[Resolution, Mapping[str, Any]], str], part: Resolution, case: object) -> str:
    try:
        return check(part, mapping(case))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return f"it is no case: {type(error).__name__}"


def _vector(part: Resolution, case: Mapping[str, Any]) -> str:
    """What is wrong with a vector that is none of ours: the reference evaluator has the word."""
    found = answer(part, typed(part, case["input"]))
    if isinstance(found, str):
        return "" if case.get("code") in {found, _ANY} else f"the plan refuses it: {found}"
    if case.get("code"):
        return "the plan answers it"
    for name, text in case.get("expect", {}).items():
        if not _agrees(found.get(name), text, case.get("tolerances", {}).get(name)):
            return f"{name} is {_short(text)}, of the plan {found.get(name)}"
    return ""


def _agrees(ours: str | None, theirs: object, tolerance: object) -> bool:
    if ours == theirs:
        return True
    try:
        wanted = Decimal(str(ours))
        return tolerance is not None and abs(Decimal(str(theirs)) - wanted) <= Decimal(str(tolerance)) * abs(wanted)
    except InvalidOperation:
        return False


def _refused(part: Resolution, case: Mapping[str, Any]) -> str:
    name = str(case.get("field", ""))
    port, given = part.spec.inputs.get(name), case.get("input", {})
    if port is None or name not in given:
        return "" if port is None or port.required else f"{name} may be left out"
    value = given[name]
    if port.columns or not isinstance(value, str | int) or isinstance(value, bool) != (port.dtype == "bool"):
        return ""  # of another kind, or a table: which has cases of ours alone
    try:
        exact = typed(part, {name: value})[name]
    except (ArithmeticError, ValueError):
        return ""
    allowed = not isinstance(exact, tuple) and not violates(port, exact)
    return f"{value} is what the spec allows for {name}" if allowed else ""


def _accepted(part: Resolution, case: Mapping[str, Any]) -> str:
    for name, value in typed(part, case.get("input", {})).items():
        if not isinstance(value, tuple) and (words := violates(part.spec.inputs[name], value)):
            return f"{name} is none that the spec allows: {words}"
    return ""


def _short(value: object) -> str:
    return short(repr(value) if isinstance(value, str) else str(value))
