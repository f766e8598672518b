"""What the generated tests are driven by: `tests/vectors.json`.

Every expected value comes from the resolution (golden cases, the reference evaluator, the rows of the tables), from the
spec's own bounds and words, or from the shape of a formula (an output that is proportional to an input). None comes
from the generated code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Any

from greenlang_sdk.decimals import CONTEXT, NotANumber, normal_text, to_decimal, to_whole
from greenlang_sdk.testing import text_of

from greenlang import units
from greenlang.errors import CalculationError, UnitError
from greenlang.factory.citations import citations_of
from greenlang.factory.fields import described
from greenlang.factory.parameters import parameter_tables
from greenlang.factory.text import json_lines, one_line
from greenlang.formulas.evaluate import LookupMiss
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Convert,
    If,
    Lookup,
    Name,
    Negate,
    Node,
    SystemValue,
    children,
)
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import AgentSpec, Given, InputSpec, Scalar
from greenlang.specs.pattern_examples import example as text_for
from greenlang.specs.patterns import matches
from greenlang.specs.reader import violates

CODES = frozenset({"invalid_input", "not_covered", "calculation"})
_STEP = Decimal("0.000001")
_SCALES = (Decimal(2), Decimal("0.5"))
_SHARES = (Decimal("0.0123456789012345678"), Decimal("-0.0123456789012345678"))
_RULE = re.compile(
    r"\s*(?:(?P<of>input|output)\.)?(?P<left>[A-Za-z_]\w*)\s*(?P<op>>=|<=|>|<)"
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)(?:\s*\[(?P<unit>[^\[\]]+)\])?"
    r"|(?:(?P<than>input|output)\.)?(?P<right>[A-Za-z_]\w*))\s*",
    re.ASCII,
)
_SAMPLES = ("US", "text", "A1", "2024")
_MISFITS = ("", " ", "!", "0", "x", "?" * 40)


def cases(resolution: Resolution) -> bytes:
    """The bytes of `tests/vectors.json`."""
    return case_bytes(case_content(resolution))


def case_bytes(content: Mapping[str, Any]) -> bytes:
    """Test cases as they stand in a pack."""
    return json_lines(content)


def case_content(resolution: Resolution, stored: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The test cases of a flat resolution or of a part; ``stored`` are the names of its look-ups in the pack."""
    spec = resolution.spec
    base = _base(resolution)
    return {
        "base": _plain(base),
        "vectors": [_vector(v) for v in (*resolution.vectors, *_with_many_digits(resolution, base))],
        "refused": list(_refused(spec, base)),
        "accepted": list(_accepted(spec, base)),
        "bounds": list(_bounds(resolution)),
        "scaling": list(_scaling(resolution, base)),
        "tools": list(_tools(resolution)),
        "fields": list(_fields(spec)),
        "figures": list(_figures(resolution, stored)),
    }


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


def _with_many_digits(resolution: Resolution, base: Mapping[str, Given]) -> Iterator[Vector]:
    """The base with more digits than any output keeps, so that the last rounding shows, by the reference evaluator."""
    spec, plans = resolution.spec, resolution.plans
    given = dict(base)
    for name, value in base.items():
        declared = spec.inputs[name]
        if declared.dtype == "float64" and not declared.enum and isinstance(value, (Decimal, int)):
            wanted = [CONTEXT.add(Decimal(value), share) for share in _SHARES]
            if value:
                wanted = [CONTEXT.multiply(Decimal(value), 1 + share) for share in _SHARES]
            given[name] = next((fine for fine in wanted if _fits(declared, fine)), value)
    if given == base:
        return
    try:
        got = run.outputs(spec, plans, resolution.order, run.tables(resolution.lookups), given)
    except (CalculationError, LookupMiss):
        return
    expect = {name: run.canonical(value, plans[name].decimals) for name, value in got.items()}
    yield Vector("many_digits", "reference", given, expect)


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
    for model, ports in (("Input", spec.inputs), ("Output", spec.outputs)):
        for name, port in ports.items():
            said = described(port.description, port.unit, port.numeric)
            yield {"model": model, "name": name, "description": said}


def _figures(resolution: Resolution, stored: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every figure that a look-up can give, by the factor and parameter tables."""
    for name, table in sorted(resolution.lookups.items()):
        for when, row in sorted(table.rows.items()):
            yield {
                "table": stored.get(name, name),
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
    made = {name: _sample(given) for name, given in spec.inputs.items() if given.required}
    for table in resolution.lookups.values():
        key = next(iter(sorted(table.rows)), ())
        made |= {name: value for name, value in zip(table.inputs, key, strict=True) if name in made}
    return made


def _sample(given: InputSpec) -> Given:
    """A value that the input allows, as far as its bounds and its pattern tell."""
    if given.columns:
        row = {column.name: _sample(column) for column in given.columns}
        return ({name: value for name, value in row.items() if not isinstance(value, tuple)},)
    if given.default is not None:
        return given.default
    if given.enum:
        return next((choice for choice in given.enum if not violates(given, choice)), given.enum[0])
    if given.dtype == "bool":
        return True
    if not given.numeric:
        fitting = (text for text in (*_SAMPLES, text_for(given.pattern or "")) if text is not None)
        return next((text for text in fitting if not violates(given, text)), "text")
    low, high = _ends(given)
    wanted: list[Decimal] = []
    if low is not None and high is not None:
        middle = _middle(low, high)
        wanted.append(middle.to_integral_value() if given.dtype == "int32" else middle)
    if low is not None:
        wanted += [CONTEXT.add(low, Decimal(1)), low]
    if high is not None:
        wanted += [CONTEXT.subtract(high, Decimal(1)), high]
    wanted.append(Decimal(1))
    return next((value for value in wanted if _fits(given, value)), wanted[0])


def _ends(given: InputSpec) -> tuple[Decimal | None, Decimal | None]:
    """The limits, None where there is none or where it lies beyond every number that an agent takes."""
    low, high = given.ge if given.ge is not None else given.gt, given.le if given.le is not None else given.lt
    return (low if low is None or _number(low) else None), (high if high is None or _number(high) else None)


def _middle(low: Decimal, high: Decimal) -> Decimal:
    return CONTEXT.add(CONTEXT.divide(low, Decimal(2)), CONTEXT.divide(high, Decimal(2)))


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
        for label, value in _wrong_types(given):
            yield bad(f"{name}-{label}", name, value)
        for label, rows in _wrong_rows(given):
            yield bad(f"{name}-{label}", name, rows)
        if given.enum:
            outside = _no_choice(given)
            if outside is not None:
                yield bad(f"{name}-outside-the-choices", name, _scalar(outside))
        for label, beyond in _outside(given):
            yield bad(f"{name}-{label}", name, _scalar(beyond))
        misfit = next((t for t in _MISFITS if given.pattern and not matches(given.pattern, t)), None)
        if misfit is not None and misfit not in given.enum:
            yield bad(f"{name}-against-the-pattern", name, misfit)
    unknown = "no_such_input"
    while unknown in spec.inputs:
        unknown += "_"
    yield bad("unknown-input", unknown, 1)


def _wrong_types(given: InputSpec) -> list[tuple[str, Any]]:
    if given.numeric:
        wrong: list[tuple[str, Any]] = [("words", "twelve"), ("truth", True), ("nan", "NaN"), ("list", [1])]
        return [*wrong, ("fraction", "1.5")] if given.dtype == "int32" else wrong
    match given.dtype:
        case "string":
            return [("number", 5), ("list", ["a"])]
        case "bool":
            return [("number", 1), ("words", "yes")]
        case "list":
            return [("number", 5)]
        case _:
            return [("number", 5)]


def _wrong_rows(given: InputSpec) -> Iterator[tuple[str, list[Any]]]:
    """Tables of one row with one mistake."""
    row = {column.name: _scalar(_sample(column)) for column in given.columns}
    for column in given.columns:
        yield f"{column.name}-missing", [{k: v for k, v in row.items() if k != column.name}]
        for label, value in _wrong_types(column):
            yield f"{column.name}-{label}", [row | {column.name: value}]
        for label, beyond in _outside(column):
            yield f"{column.name}-{label}", [row | {column.name: _scalar(beyond)}]
    if given.columns:
        yield "rows-of-numbers", [1]
        yield "unknown-column", [{**row, "no_such_column": 1}]


def _no_choice(given: InputSpec) -> Scalar | None:
    """A value of the right type that is none of the choices."""
    if not given.numeric:
        text = "no such choice"
        while text in given.enum:
            text += "?"
        return text
    return _beyond(given, max(Decimal(v) for v in given.enum if isinstance(v, (int, Decimal))), up=True)


def _outside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    """Numbers just outside the limits, none where no number that a person can type lies outside."""
    if not given.numeric:
        return
    wanted = [
        ("below", _beyond(given, given.ge, up=False)),
        ("at-the-lower-limit", _at(given, given.gt, up=False)),
        ("above", _beyond(given, given.le, up=True)),
        ("at-the-upper-limit", _at(given, given.lt, up=True)),
    ]
    for label, value in wanted:
        if value is not None:
            yield label, value


def _at(given: InputSpec, limit: Decimal | None, *, up: bool) -> Decimal | None:
    """The limit itself; where it is no whole number and one is needed, the nearest one behind it."""
    if limit is None or _typed(given, limit):
        return limit
    return _beyond(given, limit, up=up)


def _beyond(given: InputSpec, limit: Decimal | None, *, up: bool) -> Decimal | None:
    """A number a small step above or below a limit, whatever its size; None if the agent's numbers end there."""
    if limit is None or not _number(limit):
        return None
    if given.dtype == "int32":
        whole = limit.to_integral_value(ROUND_FLOOR if up else ROUND_CEILING)
        value = CONTEXT.add(whole, Decimal(1 if up else -1))
    else:
        value = CONTEXT.add(limit, _STEP if up else -_STEP)
        if not (value > limit if up else value < limit):  # the step was rounded away
            value = CONTEXT.next_plus(limit) if up else CONTEXT.next_minus(limit)
    return value if _typed(given, value) else None


def _typed(given: InputSpec, value: Decimal) -> bool:
    """Whether the agent takes the number at all, its limits aside."""
    return _number(value, to_whole if given.dtype == "int32" else to_decimal)


def _number(value: Decimal, reader: Callable[[object], Decimal] = to_decimal) -> bool:
    """Whether an agent can read the number back from its text."""
    try:
        reader(normal_text(value))
    except NotANumber:
        return False
    return True


def _accepted(spec: AgentSpec, base: Mapping[str, Given]) -> Iterator[dict[str, Any]]:
    """Inputs that fit the model: every limit from inside, every choice."""
    plain = _plain(base)
    for name, given in spec.inputs.items():
        for label, value in _inside(given):
            yield _case(f"{name}-{label}", plain | {name: _scalar(value)}, expect={name: normal_text(value)})
        if not given.required:
            rest = {k: v for k, v in plain.items() if k != name}
            yield _case(f"{name}-left-out", rest, expect={name: text_of(_exact(given.default))})
        for choice in given.enum:
            if violates(given, choice):
                continue
            label = re.sub(r"[^\w.-]+", "-", str(choice), flags=re.ASCII)
            yield _case(f"{name}-is-{label}", plain | {name: _scalar(choice)}, expect={name: text_of(_exact(choice))})


def _exact(value: Scalar | None) -> Scalar | None:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _fits(given: InputSpec, value: Decimal) -> bool:
    return _typed(given, value) and not violates(given, value)


def _inside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    """Numbers that the limits just allow."""
    if not given.numeric:
        return
    low, high = _ends(given)
    between = _middle(low, high) if low is not None and high is not None else None
    wanted: list[tuple[str, Decimal | None, list[Decimal | None]]] = [
        ("at-least", given.ge, [_rounded(given, given.ge, ROUND_CEILING)]),
        ("just-above", given.gt, [_beyond(given, given.gt, up=True), between]),
        ("at-most", given.le, [_rounded(given, given.le, ROUND_FLOOR)]),
        ("just-below", given.lt, [_beyond(given, given.lt, up=False), between]),
    ]
    for label, limit, values in wanted:
        value = next((v for v in values if v is not None and _fits(given, v)), None)
        if limit is not None and value is not None:
            yield label, value


def _rounded(given: InputSpec, limit: Decimal | None, rounding: str) -> Decimal | None:
    """The limit; for whole numbers the nearest one inside it."""
    return limit if limit is None or given.dtype != "int32" else limit.to_integral_value(rounding)


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
    degrees = _Degrees(resolution)
    for name, given in spec.inputs.items():
        value = base.get(name)
        if given.dtype != "float64" or not isinstance(value, (Decimal, int)) or not value:
            continue
        once = Decimal(value)
        times = next((k for k in _SCALES if _fits(given, CONTEXT.multiply(once, k))), None)
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


class _Degrees:
    """For each input that a value depends on: k if the value is proportional to its k-th power, None if it is not.

    One pass over every formula, for all inputs at once: a sum of hundreds of terms must not take longer than its text.
    """

    def __init__(self, resolution: Resolution) -> None:
        self.plans = resolution.plans
        self.known: dict[str, dict[str, int | None]] = {}

    def of_output(self, name: str) -> dict[str, int | None]:
        if name not in self.known:
            self.known[name] = self.of(self.plans[name].expression)
        return self.known[name]

    def of(self, node: Node) -> dict[str, int | None]:
        match node:
            case Name(name=name, kind="input"):
                return {name: 1}
            case Name(name=name, kind="output"):
                return self.of_output(name)
            case Lookup(inputs=inputs):
                return dict.fromkeys(inputs)
            case Negate(operand=x):
                return self.of(x)
            case Convert(operand=x, shift=shift):
                return dict.fromkeys(self.of(x)) if shift else self.of(x)
            case Arithmetic(op="*" | "/" as op, left=a, right=b):
                return _product(self.of(a), self.of(b), 1 if op == "*" else -1)
            case Arithmetic(op="+" | "-", left=a, right=b):
                return _alike([self.of(a), self.of(b)])
            case Call(function="min" | "max", arguments=arguments):
                return _alike([self.of(a) for a in arguments])
            case If(condition=condition, then=a, otherwise=b):
                return _alike([self.of(a), self.of(b)]) | dict.fromkeys(self.of(condition))
        return dict.fromkeys(name for child in children(node) for name in self.of(child))


def _product(a: dict[str, int | None], b: dict[str, int | None], sign: int) -> dict[str, int | None]:
    degrees: dict[str, int | None] = {}
    for name in a | b:
        first, second = a.get(name, 0), b.get(name, 0)
        degrees[name] = None if first is None or second is None else first + sign * second
    return degrees


def _alike(parts: list[dict[str, int | None]]) -> dict[str, int | None]:
    """What several values have in common that are added or chosen from."""
    degrees: dict[str, int | None] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        found = {part.get(name, 0) for part in parts}
        degrees[name] = found.pop() if len(found) == 1 else None
    return degrees
