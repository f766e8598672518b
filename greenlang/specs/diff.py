"""What changed between two specs, and the step of the version that it asks for.

major: somebody who uses the agent may get an error or another number. minor: everything that worked works as before.
patch: texts only. The two specs may be of different dialects; what is compared is what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from greenlang import units
from greenlang.errors import FormulaError
from greenlang.formulas.normal import exact_text
from greenlang.formulas.parse import parse as parse_expression
from greenlang.specs.model import AgentSpec, FactorRef, FormulaGiven, InputSpec, OutputSpec

Bump = Literal["major", "minor", "patch"]
_ORDER: dict[str, int] = {"": 0, "patch": 1, "minor": 2, "major": 3}
RULES: tuple[tuple[str, Bump], ...] = (  # the table in docs/specs-tools.md is made from it
    ("another id", "major"),
    ("a tool or agent is gone", "major"),
    ("an input or an output is gone, or has another type", "major"),
    ("a new input that must be given", "major"),
    ("an input that may be left out must be given now, or has another default", "major"),
    ("bounds, allowed values or a pattern let less through", "major"),
    ("another unit, GWP set, reference or formula", "major"),
    ("another method in prose, or another equality among the properties, where the spec gives no formula", "major"),
    ("a new tool, output, reference, or input that may be left out", "minor"),
    ("an input that had to be given may be left out", "minor"),
    ("bounds, allowed values or a pattern let more through", "minor"),
    ("a unit that nobody had stated", "minor"),
    ("names, summaries, descriptions, tags, owners, licence, dependencies, regulations", "patch"),
    ("golden cases, examples, properties", "patch"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``subject``: ``input x``, ``output y``, ``reference z``, after its part if there are several."""

    bump: Bump
    subject: str
    text: str


def diff(old: AgentSpec, new: AgentSpec) -> tuple[Change, ...]:
    """All changes, the weightiest first."""
    found = list(_whole(old, new))
    before = {p.part: p for p in old.parts} if old.parts else {"": old}
    after = {p.part: p for p in new.parts} if new.parts else {"": new}
    if len(before) == len(after) == 1:  # a spec of one tool, with or without its name
        pairs = [(next(iter(before.values())), next(iter(after.values())), "")]
    else:
        found += [Change("major", f"part {n}", "is gone") for n in before.keys() - after.keys()]
        found += [Change("minor", f"part {n}", "is new") for n in after.keys() - before.keys()]
        pairs = [(before[n], after[n], f"{n}: " if n else "") for n in before if n in after]
    for a, b, prefix in pairs:
        found += [Change(c.bump, prefix + c.subject, c.text) for c in _part(a, b)]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda c: (-_ORDER[c.bump], c.subject, c.text)))


def implied(changes: tuple[Change, ...]) -> Bump | None:
    """The step that all changes together ask for; None if there is none."""
    return max((c.bump for c in changes), key=lambda b: _ORDER[b], default=None)


def next_version(version: str, bump: Bump | None) -> str:
    """The lowest version that takes the step; before 1.0.0, a major step raises the minor number."""
    core = version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0]
    major, minor, patch = (int(part) for part in core.split("."))
    if bump is None:
        return version
    if bump == "major" and major == 0:
        return f"0.{minor + 1}.0"
    if bump == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if bump == "minor" else f"{major}.{minor}.{patch + 1}"


def enough(old: str, new: str, bump: Bump | None) -> bool:
    """Whether the new version is at least the one that the changes ask for."""
    return bump is None or _numbers(new) >= _numbers(next_version(old, bump))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(p) for p in version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split("."))


def _whole(old: AgentSpec, new: AgentSpec) -> Iterator[Change]:
    if old.agent_id != new.agent_id:
        yield Change("major", "id", f"{old.agent_id} → {new.agent_id}")
    if old.gwp_set != new.gwp_set:
        yield Change("major", "GWP set", f"{old.gwp_set or 'none'} → {new.gwp_set or 'none'}")
    yield from _factors(old.factors, new.factors)
    for name in ("name", "summary", "tags", "owners", "license", "regulations"):
        if getattr(old, name) != getattr(new, name):
            yield Change("patch", name, "changed")
    said = [{(d.agent_id, d.relation, d.versions) for d in one.dependencies} for one in (old, new)]
    if said[0] != said[1]:
        yield Change("patch", "dependencies", "changed")


def _factors(old: Mapping[str, FactorRef], new: Mapping[str, FactorRef]) -> Iterator[Change]:
    for alias in [*old, *(a for a in new if a not in old)]:
        a, b = old.get(alias), new.get(alias)
        subject = f"reference {alias}"
        if a is None:
            yield Change("minor", subject, "is new")
        elif b is None:
            yield Change("major", subject, "is gone")
        elif (a.ref, a.gwp_set) != (b.ref, b.gwp_set):
            yield Change("major", subject, f"{a.ref} → {b.ref}")
        elif a.description != b.description:
            yield Change("patch", subject, "another description")


def _part(old: AgentSpec, new: AgentSpec) -> Iterator[Change]:
    before, after = _takes(old), _takes(new)
    for name in [*before, *(n for n in after if n not in before)]:
        a, b = before.get(name), after.get(name)
        if a is None and b is not None:
            free = not b.required or name in new.unused
            yield Change(
                "minor" if free else "major", f"input {name}", "is new" if free else "is new and must be given"
            )
        elif b is None:
            yield Change("major", f"input {name}", "is gone")
        elif a is not None:
            yield from _input(a, b)
    for name in [*old.outputs, *(n for n in new.outputs if n not in old.outputs)]:
        a_out, b_out = old.outputs.get(name), new.outputs.get(name)
        if a_out is None:
            yield Change("minor", f"output {name}", "is new")
        elif b_out is None:
            yield Change("major", f"output {name}", "is gone")
        else:
            yield from _output(a_out, b_out)
            yield from _formula(name, old, new)
    given = old.formulas.keys() & new.formulas.keys()
    methods = [{(p.kind, p.output, p.text) for p in s.prose if p.output not in given} for s in (old, new)]
    if methods[0] != methods[1]:
        told = any(kind != "description" for kind, _, _ in methods[0] ^ methods[1])
        yield Change("major" if told else "patch", "method", "another method in prose")
    if _stated(old, given) != _stated(new, given):
        yield Change("major", "properties", "another equality for an output without a formula")
    for subject, one, two in (("golden cases", _cases(old), _cases(new)), ("properties", _rules(old), _rules(new))):
        if one != two:
            yield Change("patch", subject, "changed")


def _input(a: InputSpec, b: InputSpec) -> Iterator[Change]:
    subject = f"input {a.name}"
    yield from _type(subject, a.dtype, b.dtype, wider=(a.dtype, b.dtype) == ("int32", "float64"))
    yield from _unit(subject, a, b)
    if b.required and not a.required:
        yield Change("major", subject, "must be given now")
    elif a.required and not b.required:
        yield Change("minor", subject, "may be left out now")
    elif a.default != b.default:
        yield Change("major", subject, f"default {a.default} → {b.default}")
    low, high = _bounds(a, b)
    for side, change in (("lower", low), ("upper", high)):
        if change:
            word = "narrowed" if change < 0 else "widened"
            yield Change("major" if change < 0 else "minor", subject, f"{side} bound {word}")
    if set(a.enum) != set(b.enum):
        less = bool(b.enum) and (not a.enum or not set(a.enum) <= set(b.enum))
        yield Change("major" if less else "minor", subject, f"allowed values {'fewer' if less else 'more'}")
    if _columns(a) != _columns(b):
        yield Change("major", subject, "other columns")
    if a.pattern != b.pattern:
        yield Change("minor" if b.pattern is None else "major", subject, f"pattern {a.pattern} → {b.pattern}")
    if a.description != b.description:
        yield Change("patch", subject, "another description")


def _takes(spec: AgentSpec) -> dict[str, InputSpec]:
    """Every declared input; of a list that nothing is computed with, what it is made of does not count."""
    return spec.inputs | {n: replace(i, columns=()) for n, i in spec.unused.items()}


def _columns(item: InputSpec) -> set[InputSpec]:
    return {replace(column, description="") for column in item.columns}


def _output(a: OutputSpec, b: OutputSpec) -> Iterator[Change]:
    subject = f"output {a.name}"
    yield from _type(subject, a.dtype, b.dtype, wider=False)
    yield from _unit(subject, a, b)
    if a.description != b.description or a.enum != b.enum:
        yield Change("patch", subject, "another description")


def _type(subject: str, a: str, b: str, *, wider: bool) -> Iterator[Change]:
    if a != b:
        yield Change("minor" if wider else "major", subject, f"{a} → {b}")


def _unit(subject: str, a: InputSpec | OutputSpec, b: InputSpec | OutputSpec) -> Iterator[Change]:
    if not (a.numeric and b.numeric) or a.unit == b.unit:
        return
    if not a.unit:
        yield Change("minor", subject, f"is in {b.unit}, which nobody had said")
    elif not b.unit or units.parse_unit(a.unit) != units.parse_unit(b.unit):
        yield Change("major", subject, f"unit {a.unit} → {b.unit or 'unknown'}")


def _bounds(a: InputSpec, b: InputSpec) -> tuple[int, int]:
    """-1 narrowed, 1 widened, 0 as before, for the lower and the upper bound."""
    return _move(_low(a), _low(b)), _move(_high(a), _high(b))


_Bound = tuple[Decimal, bool]  # how far, counted so that more lets less through; strict


def _low(item: InputSpec) -> _Bound | None:
    value = item.gt if item.gt is not None else item.ge
    return None if value is None else (value, item.gt is not None)


def _high(item: InputSpec) -> _Bound | None:
    value = item.lt if item.lt is not None else item.le
    return None if value is None else (-value, item.lt is not None)


def _move(a: _Bound | None, b: _Bound | None) -> int:
    if a == b:
        return 0
    if a is None or b is None:
        return -1 if a is None else 1
    return -1 if b > a else 1


def _formula(name: str, old: AgentSpec, new: AgentSpec) -> Iterator[Change]:
    a, b = old.formulas.get(name), new.formulas.get(name)
    if _said(a) == _said(b):
        return
    text = (
        "is computed by another formula" if a and b else "a formula is given" if b else "no formula is given any more"
    )
    yield Change("major", f"output {name}", text)


def _said(given: FormulaGiven | None) -> Any:
    if given is None:
        return None
    bind = frozenset((symbol, _meant(expression)) for symbol, expression in given.bind)
    return _meant(given.expression or ""), given.formula_id, given.formula_output, bind


def _meant(expression: str) -> str:
    """What an expression computes, however it is laid out."""
    try:
        return exact_text(parse_expression(expression))
    except FormulaError:
        return "".join(expression.split())


def _stated(spec: AgentSpec, given: Set[str]) -> set[str]:
    """The equalities that may be the plan of an output: it has no formula."""
    free = spec.outputs.keys() - given
    rules = ["".join(p.rule.split()) for p in spec.properties if "==" in p.rule]
    return {rule for rule in rules if free & set(_OUTPUT.findall(rule))}


_OUTPUT = re.compile(r"\boutputs?\.([a-z_][a-z0-9_]*)")


def _cases(spec: AgentSpec) -> list[Any]:
    return [
        (
            c.name,
            c.input,
            {n: (e.value, e.tol) for n, e in c.expect.items()},
            [(x.output, x.kind, x.value) for x in c.limits],
        )
        for c in spec.golden
    ]


def _rules(spec: AgentSpec) -> list[Any]:
    return [(p.name, p.rule, p.tolerance) for p in spec.properties]
