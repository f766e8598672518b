"""What the generated tests are driven by: `tests/vectors.json`.

Every expected value comes from the resolution (golden cases, the reference evaluator, the rows of the tables), from the
spec's own bounds and words, or from the shape of a formula (an output that is proportional to an input). None comes
from the generated code.

Belongs here: which cases there are. Does not belong here: values at and beyond bounds (``limits``), the shape of a
formula (``degrees``), vectors that move every input (``variations``), what tells a formula from its near misses
(``near_misses``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from greenlang_sdk.decimals import CONTEXT, normal_text
from greenlang_sdk.testing import text_of

from greenlang import units
from greenlang.errors import UnitError
from greenlang.factory import limits
from greenlang.factory.citations import citations_of
from greenlang.factory.degrees import Degrees
from greenlang.factory.fields import described, row_name
from greenlang.factory.near_misses import telling
from greenlang.factory.parameters import parameter_tables
from greenlang.factory.same import Alike
from greenlang.factory.text import one_line
from greenlang.factory.variations import variations
from greenlang.formulas.tree import SystemValue
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import AgentSpec, Given, InputSpec, OutputSpec, Scalar
from greenlang.specs.reader import violates

_KEPT = 64  # resolutions: a chunk of agents is generated before the first of them is asked for its mutants
CODES = frozenset({"invalid_input", "not_covered", "calculation"})
_SCALES = (Decimal(2), Decimal("0.5"))
_RULE = re.compile(
    r"\s*(?:(?P<of>input|output)\.)?(?P<left>[A-Za-z_]\w*)\s*(?P<op>>=|<=|>|<)"
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?:\s*\[(?P<unit>[^\[\]]+)\])?"
    r"|(?:(?P<than>input|output)\.)?(?P<right>[A-Za-z_]\w*))\s*",
    re.ASCII,
)


def case_content(resolution: Resolution, stored: Mapping[str, str]) -> dict[str, Any]:
    """The test cases of a flat resolution or of a part; ``stored``: look-up -> its name in the pack's factors.json."""
    spec = resolution.spec
    base = _base(resolution)
    vectors = (*resolution.vectors, *searched(resolution))
    return {
        "base": _plain(base),
        "vectors": [_vector(v) for v in vectors],
        "refused": list(_refused(spec, base)),
        "accepted": list(_accepted(spec, base)),
        "bounds": list(_bounds(resolution)),
        "scaling": list(_scaling(resolution, base)),
        "tools": list(_tools(resolution)),
        "fields": list(_fields(spec)),
        "figures": list(_figures(resolution, stored)),
    }


def searched(resolution: Resolution) -> tuple[Vector, ...]:
    """The vectors beside those of a flat resolution or of a part. They are looked for once for all that are alike."""
    return _searched(Alike(resolution))


@lru_cache(maxsize=_KEPT)
def _searched(key: Alike) -> tuple[Vector, ...]:
    resolution = key.part
    answered = [v.input for v in resolution.vectors if not v.error] or [_base(resolution)]
    moved = list(variations(resolution, answered))
    near = telling(resolution, [answered[0], *(v.input for v in reversed(moved)), *answered[1:]])
    return (*moved, *near)


def example(resolution: Resolution) -> dict[str, Any]:
    """Inputs that the agent answers, as a person would type them."""
    return _plain(_base(resolution))


def _plain(values: Mapping[str, Given]) -> dict[str, Any]:
    return {name: _scalar(value) for name, value in values.items()}


def _scalar(value: Given) -> Any:
    if isinstance(value, tuple):
        return [_plain(row) for row in value]
    if isinstance(value, Decimal):
        text = normal_text(value)
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else text
    return value


def _case(name: str, given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "input": dict(given), "expect": {}, "tolerances": {}} | more


def _vector(vector: Vector) -> dict[str, Any]:
    code = ""
    if vector.error:
        code = vector.error if vector.error in CODES else "any"
    return _case(
        re.sub(r"[^\w.-]+", "-", vector.name, flags=re.ASCII).strip("-") or "case",
        _plain(vector.input),
        expect=dict(vector.expect),
        tolerances=dict(vector.tolerances),
        origin=vector.origin,
        code=code,
    )


def _tools(resolution: Resolution) -> Iterator[dict[str, Any]]:
    """What each calculation says of itself, by the plan of its output."""
    for name in resolution.order:
        plan = resolution.plans[name]
        if not isinstance(plan.expression, SystemValue):
            yield {
                "output": name,
                "unit": resolution.spec.outputs[name].unit,
                "formula": one_line(plan.text),
                "citation": one_line(next(iter(citations_of(resolution, plan)), "")),
                "decimals": plan.decimals,
            }


def _fields(spec: AgentSpec) -> Iterator[dict[str, str]]:
    """What each field of the models says of itself, by the spec."""
    models: list[tuple[str, Iterable[InputSpec | OutputSpec]]] = [
        ("Input", spec.inputs.values()),
        ("Output", spec.outputs.values()),
        *((row_name(given), given.columns) for given in spec.inputs.values() if given.columns),
    ]
    for model, ports in models:
        for port in ports:
            said = described(port.description, port.unit, port.numeric)
            yield {"model": model, "name": port.name, "description": said}


def _figures(resolution: Resolution, stored: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every figure that a look-up can give, by the factor and parameter tables."""
    for name, table in sorted(resolution.lookups.items()):
        for when, row in sorted(table.rows.items()):
            yield {
                "table": stored[name],
                "when": list(when),
                "row": row.key,
                "value": normal_text(row.value),
                "unit": row.unit,
            }
    for pinned in parameter_tables(resolution):
        for entry in pinned.rows:
            yield {
                "table": pinned.name,
                "when": list(entry.when),
                "row": entry.key,
                "value": normal_text(entry.value),
                "unit": entry.unit,
            }


def _base(resolution: Resolution) -> dict[str, Given]:
    """The first inputs that are answered; without any, inputs made from the bounds."""
    for vector in resolution.vectors:
        if not vector.error:
            return dict(vector.input)
    spec = resolution.spec
    made = {name: limits.sample(given) for name, given in spec.inputs.items() if given.required}
    for table in resolution.lookups.values():
        key = next(iter(sorted(table.rows)), ())
        made |= {name: value for name, value in zip(table.inputs, key, strict=True) if name in made}
    return made


def _refused(spec: AgentSpec, base: Mapping[str, Given]) -> Iterator[dict[str, Any]]:
    """Inputs that must be refused, each with the field that is at fault."""
    plain = _plain(base)

    def bad(name: str, field: str, value: Any) -> dict[str, Any]:
        return _case(name, plain | {field: value}, code="invalid_input", field=field)

    for name, given in spec.inputs.items():
        if given.required:
            rest = {k: v for k, v in plain.items() if k != name}
            yield _case(f"{name}-missing", rest, code="invalid_input", field=name)
        if given.required or given.default is not None:
            yield bad(f"{name}-null", name, None)
        for label, value in (*_wrong(given), *_wrong_rows(given)):
            yield bad(f"{name}-{label}", name, value)
    unknown = "no_such_input"
    while unknown in spec.inputs:
        unknown += "_"
    yield bad("unknown-input", unknown, 1)


def _wrong(given: InputSpec) -> Iterator[tuple[str, Any]]:
    """Values that an input or a column must refuse, each with what is wrong with it."""
    yield from limits.wrong_types(given)
    outside = limits.no_choice(given) if given.enum else None
    if outside is not None:
        yield "outside-the-choices", _scalar(outside)
    for label, beyond in limits.outside(given):
        yield label, _scalar(beyond)
    yield from limits.misfits(given)


def _wrong_rows(given: InputSpec) -> Iterator[tuple[str, list[Any]]]:
    """Tables of one row with one mistake."""
    row = _row(given)
    for column in given.columns:
        if column.required:
            yield f"{column.name}-missing", [{k: v for k, v in row.items() if k != column.name}]
        for label, value in _wrong(column):
            yield f"{column.name}-{label}", [row | {column.name: value}]
    if given.columns:
        yield "rows-of-numbers", [1]
        yield "unknown-column", [{**row, "no_such_column": 1}]


def _row(given: InputSpec) -> dict[str, Any]:
    """A row that a table takes."""
    return {column.name: _scalar(limits.sample(column)) for column in given.columns}


def _accepted(spec: AgentSpec, base: Mapping[str, Given]) -> Iterator[dict[str, Any]]:
    """Inputs that fit the model: every limit from inside, every choice; those of a table's columns in its first row."""
    plain = _plain(base)
    for name, given in spec.inputs.items():
        for label, value in _right(given):
            yield _case(f"{name}-{label}", plain | {name: _scalar(value)}, expect={name: text_of(_exact(value))})
        if not given.required:
            rest = {k: v for k, v in plain.items() if k != name}
            yield _case(f"{name}-left-out", rest, expect={name: text_of(_exact(given.default))})
        for column, label, row, taken in _right_rows(given):
            told = {name: text_of(_exact(taken))}
            yield _case(f"{name}-{column}-{label}", plain | {name: [row]}, expect=told, field=column)


def _right(given: InputSpec) -> Iterator[tuple[str, Scalar]]:
    """Values that an input or a column just allows, each with what it is."""
    yield from limits.inside(given)
    for choice in given.enum:
        if not violates(given, choice):
            label = re.sub(r"[^\w.-]+", "-", str(choice), flags=re.ASCII)
            yield f"is-{label}", choice


def _right_rows(given: InputSpec) -> Iterator[tuple[str, str, dict[str, Any], Scalar | None]]:
    """Column, label, a row in which that column stands at a limit, and as what it is taken."""
    row = _row(given)
    for column in given.columns:
        for label, value in _right(column):
            yield column.name, label, row | {column.name: _scalar(value)}, value
        if not column.required:
            yield column.name, "left-out", {k: v for k, v in row.items() if k != column.name}, column.default


def _exact(value: Scalar | None) -> Scalar | None:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _bounds(resolution: Resolution) -> Iterator[dict[str, str]]:
    """Declared properties of the form ``output >= 0`` or ``output <= other``, both sides in one unit.

    The generated test compares bare figures; a property over different units is proved by the resolution instead,
    which converts them.
    """
    spec = resolution.spec
    for prop in spec.properties:
        match = _RULE.fullmatch(prop.rule)
        if match is None:
            continue
        left = _figure(spec, match["of"], match["left"])
        right = _figure(spec, match["than"], match["right"]) if match["right"] else match["unit"] or left
        if left is not None and right is not None and _same_unit(left, right):
            than = match["number"] or match["right"]
            yield {"name": prop.name, "rule": prop.rule, "left": match["left"], "op": match["op"], "right": than}


def _figure(spec: AgentSpec, kind: str | None, name: str) -> str | None:
    """The unit of a number that every answered case holds; None for another name."""
    given, declared = spec.inputs.get(name), spec.outputs.get(name)
    if declared is not None and kind != "input":
        return declared.unit if declared.numeric else None
    if given is None or kind == "output" or not given.numeric:
        return None
    return given.unit if given.required or given.default is not None else None


def _same_unit(a: str, b: str) -> bool:
    try:
        return a == b or units.conversion(a, b) == (Decimal(1), Decimal(0))
    except UnitError:
        return False


def _scaling(resolution: Resolution, base: Mapping[str, Given]) -> Iterator[dict[str, Any]]:
    """Outputs that are proportional to a power of an input, by the shape of their formulas."""
    spec = resolution.spec
    degrees = Degrees(resolution)
    for name, given in spec.inputs.items():
        value = base.get(name)
        if given.dtype != "float64" or not isinstance(value, (Decimal, int)) or not value:
            continue
        once = Decimal(value)
        times = next((k for k in _SCALES if limits.fits(given, CONTEXT.multiply(once, k))), None)
        if times is None:
            continue
        scaled = CONTEXT.multiply(once, times)
        for output in resolution.order:
            degree = degrees.of_output(output).get(name) if spec.outputs[output].numeric else None
            if degree:
                yield {
                    "output": output,
                    "input": name,
                    "value": _scalar(scaled),
                    "times": normal_text(CONTEXT.power(times, degree)),
                }
