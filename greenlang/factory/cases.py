"""What the generated tests are driven by: `tests/vectors.json`.

Every expected value comes from the resolution (golden cases, the reference evaluator), from the spec's own bounds, or
from the shape of a formula (an output that is proportional to an input). None comes from the generated code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text

from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Convert,
    If,
    Lookup,
    Name,
    Negate,
    Node,
    walk,
)
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import AgentSpec, InputSpec, Scalar

CODES = frozenset({"invalid_input", "not_covered", "calculation"})
_STEP = Decimal("0.000001")
_RULE = re.compile(r"\s*([A-Za-z_]\w*)\s*(>=|<=|>|<)\s*([A-Za-z_]\w*|-?\d+(?:\.\d+)?)\s*")
_MISFITS = ("", " ", "!", "0", "x", "?" * 40)


def cases(resolution: Resolution) -> bytes:
    """The bytes of `tests/vectors.json`."""
    spec = resolution.spec
    base = _base(resolution)
    content = {
        "base": _plain(base),
        "vectors": [_vector(v) for v in resolution.vectors],
        "refused": list(_refused(spec, base)),
        "accepted": list(_accepted(spec, base)),
        "bounds": list(_bounds(resolution)),
        "scaling": list(_scaling(resolution, base)),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def example(resolution: Resolution) -> dict[str, Any]:
    """Inputs that the agent answers, as a person would type them."""
    return _plain(_base(resolution))


def _plain(values: Mapping[str, Scalar]) -> dict[str, Any]:
    return {name: _scalar(value) for name, value in values.items()}


def _scalar(value: Scalar) -> Any:
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


def _base(resolution: Resolution) -> dict[str, Scalar]:
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


def _sample(given: InputSpec) -> Scalar:
    if given.default is not None:
        return given.default
    if given.enum:
        return given.enum[0]
    if given.dtype == "bool":
        return True
    if not given.numeric:
        return next((t for t in ("US", "text", "A1", "2024") if re.search(given.pattern or "", t)), "text")
    low, high = given.ge if given.ge is not None else given.gt, given.le if given.le is not None else given.lt
    if low is not None and high is not None:
        middle = (low + high) / 2
        return middle.to_integral_value() if given.dtype == "int32" else middle
    if low is not None:
        return low + 1
    return high - 1 if high is not None else Decimal(1)


def _refused(spec: AgentSpec, base: Mapping[str, Scalar]) -> Iterator[dict[str, Any]]:
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
        if given.enum:
            outside = (
                Decimal(max(v for v in given.enum if isinstance(v, (int, Decimal))) + 1)
                if given.numeric
                else "no such choice"
            )
            yield bad(f"{name}-outside-the-choices", name, _scalar(outside))
        for label, beyond in _outside(given):
            yield bad(f"{name}-{label}", name, _scalar(beyond))
        misfit = next((t for t in _MISFITS if given.pattern and not re.search(given.pattern, t)), None)
        if misfit is not None:
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


def _outside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    if not given.numeric:
        return
    step = Decimal(1) if given.dtype == "int32" else _STEP
    if given.ge is not None:
        yield "below", given.ge - step
    if given.gt is not None:
        yield "at-the-lower-limit", given.gt
    if given.le is not None:
        yield "above", given.le + step
    if given.lt is not None:
        yield "at-the-upper-limit", given.lt


def _accepted(spec: AgentSpec, base: Mapping[str, Scalar]) -> Iterator[dict[str, Any]]:
    """Inputs that fit the model: every limit from inside, every choice."""
    plain = _plain(base)
    for name, given in spec.inputs.items():
        for label, value in _inside(given):
            yield _case(f"{name}-{label}", plain | {name: _scalar(value)})
        if not given.required:
            yield _case(f"{name}-left-out", {k: v for k, v in plain.items() if k != name})
        for choice in given.enum:
            label = re.sub(r"[^\w.-]+", "-", str(choice), flags=re.ASCII)
            yield _case(f"{name}-is-{label}", plain | {name: _scalar(choice)})


def _fits(given: InputSpec, value: Decimal) -> bool:
    return (
        (given.ge is None or value >= given.ge)
        and (given.gt is None or value > given.gt)
        and (given.le is None or value <= given.le)
        and (given.lt is None or value < given.lt)
        and (not given.enum or value in given.enum)
    )


def _inside(given: InputSpec) -> Iterator[tuple[str, Decimal]]:
    if not given.numeric:
        return
    step = Decimal(1) if given.dtype == "int32" else _STEP
    wanted = [
        ("at-least", given.ge),
        ("just-above", given.gt + step if given.gt is not None else None),
        ("at-most", given.le),
        ("just-below", given.lt - step if given.lt is not None else None),
    ]
    for label, value in wanted:
        if value is not None and _fits(given, value):
            yield label, value


def _bounds(resolution: Resolution) -> Iterator[dict[str, str]]:
    """Declared properties of the form ``output >= 0`` or ``output <= other``."""
    spec = resolution.spec
    numbers = {n for n, i in spec.inputs.items() if i.numeric} | {n for n, o in spec.outputs.items() if o.numeric}
    for prop in spec.properties:
        match = _RULE.fullmatch(prop.rule)
        if match is None or match[1] not in numbers:
            continue
        if match[3] in numbers or not match[3].isidentifier():
            yield {"name": prop.name, "rule": prop.rule, "left": match[1], "op": match[2], "right": match[3]}


def _scaling(resolution: Resolution, base: Mapping[str, Scalar]) -> Iterator[dict[str, Any]]:
    """Outputs that are proportional to a power of an input, by the shape of their formulas."""
    spec = resolution.spec
    for name, given in spec.inputs.items():
        value = base.get(name)
        if given.dtype != "float64" or not isinstance(value, (Decimal, int)) or not value:
            continue
        scaled = next((Decimal(value) * k for k in (2, Decimal("0.5")) if _fits(given, Decimal(value) * k)), None)
        if scaled is None:
            continue
        times = scaled / Decimal(value)
        for output in resolution.order:
            plan = resolution.plans[output]
            if not spec.outputs[output].numeric:
                continue
            degree = _degree(plan.expression, name, resolution)
            if degree:
                yield {
                    "output": output,
                    "input": name,
                    "value": _scalar(scaled),
                    "times": normal_text(times**degree),
                }


def _degree(node: Node, name: str, resolution: Resolution) -> int | None:
    """k if the value is proportional to the k-th power of the input, 0 if it does not depend on it, None if neither."""
    if not _depends(node, name, resolution):
        return 0

    def of(inner: Node) -> int | None:
        return _degree(inner, name, resolution)

    match node:
        case Name(kind="input"):
            return 1
        case Name(name=output, kind="output"):
            return of(resolution.plans[output].expression)
        case Negate(operand=x):
            return of(x)
        case Convert(operand=x, shift=shift):
            return None if shift else of(x)
        case Arithmetic(op="*" | "/" as op, left=a, right=b):
            first, second = of(a), of(b)
            if first is None or second is None:
                return None
            return first + second if op == "*" else first - second
        case Arithmetic(op="+" | "-", left=a, right=b):
            return of(a) if of(a) == of(b) else None
        case Call(function="min" | "max", arguments=arguments):
            degrees = {of(a) for a in arguments}
            return degrees.pop() if len(degrees) == 1 else None
        case If(condition=condition, then=a, otherwise=b):
            return of(a) if not _depends(condition, name, resolution) and of(a) == of(b) else None
    return None


def _depends(node: Node, name: str, resolution: Resolution) -> bool:
    for inner in walk(node):
        match inner:
            case Name(name=n, kind="input") if n == name:
                return True
            case Name(name=n, kind="output") if _depends(resolution.plans[n].expression, name, resolution):
                return True
            case Lookup(inputs=inputs) if name in inputs:
                return True
    return False
