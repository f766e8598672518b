"""The calculations of an agent as Python: its functions, their entries in TOOLS, its steps and its answer.

Belongs here: what ``tools.py``, ``agent.py`` and the API reference show. Does not belong here: expressions
(``render``), models (``fields``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from greenlang.factory import text
from greenlang.factory.citations import citations_of
from greenlang.factory.constants import Constants
from greenlang.factory.fields import described, row_name
from greenlang.factory.render import Body, render
from greenlang.formulas.tree import Lookup, Name, Node, Sum, SystemValue, walk
from greenlang.resolution.plan import OutputPlan, Resolution
from greenlang.specs.model import AgentSpec, OutputSpec

_ENDINGS = (
    ("hour", "hr"),
    ("hour", "h"),
    ("h", "hr"),
    ("year", "yr"),
    ("year", "years"),
    ("day", "days"),
    ("degf", "f"),
    ("degc", "c"),
    ("percent", "pct"),
    ("co2e", "co2e"),
    ("kgco2e", "co2e"),
    ("kgco2e", "kg"),
    ("tco2e", "co2e"),
    ("tco2e", "t"),
)  # how names end that mean a unit
_TYPES = {"float64": "Decimal", "int32": "Decimal", "string": "str", "bool": "bool"}


@dataclass(frozen=True, slots=True)
class ToolView:
    """One calculation: its function, its entry in TOOLS, its step in execute()."""

    output: str
    python: str
    signature: str
    stub: str  # the signature in the API reference
    docstring: str
    body: Body
    entry: str
    step: str
    plan: OutputPlan
    unit: str
    citations: tuple[str, ...]


def tool_view(
    resolution: Resolution,
    output: str,
    names: dict[tuple[str, str], str],
    constants: Constants,
    tables: Mapping[str, str],
) -> ToolView:
    """The calculation of one output."""
    spec, plan = resolution.spec, resolution.plans[output]
    declared = spec.outputs[output]
    uses = _uses(plan.expression)
    python = names["output", output]
    own = {key: names[key] for key in uses}
    body = render(plan.expression, names=own, constants=constants, tables=tables)
    parameters = [f"{names[kind, name]}: {_type(spec, kind, name)}" for kind, name in uses]
    head, takes, gives = f"def {python}(", ["*", *parameters] if parameters else [], f" -> {_TYPES[declared.dtype]}:"
    citations = citations_of(resolution, plan)
    return ToolView(
        output=output,
        python=python,
        signature=text.py_call(head, takes, tail=gives),
        stub=text.py_call(head, takes, tail=f"{gives} ..."),
        docstring=_docstring(output, declared, plan, citations),
        body=body,
        entry=_entry(python, output, declared, plan, citations),
        step=_step(spec, python, uses, names),
        plan=plan,
        unit=declared.unit,
        citations=citations,
    )


def _uses(node: Node) -> tuple[tuple[str, str], ...]:
    """(kind, name) of everything that an expression reads, in order of appearance."""
    found: dict[tuple[str, str], None] = {}
    for inner in walk(node):
        match inner:
            case Name(kind="column"):
                pass  # a row's own; the table that is summed is the parameter
            case Name(name=name, kind=kind):
                found[kind, name] = None
            case Sum(table=table):
                found["input", table] = None
            case Lookup(inputs=inputs):
                found |= {("input", name): None for name in inputs}
    return tuple(found)


def _type(spec: AgentSpec, kind: str, name: str) -> str:
    if kind == "output":
        return _TYPES[spec.outputs[name].dtype]
    given = spec.inputs[name]
    return f"Rows[{row_name(given)}]" if given.columns else _TYPES[given.dtype]


def _docstring(output: str, declared: OutputSpec, plan: OutputPlan, citations: tuple[str, ...]) -> str:
    what = text.one_line(declared.description).rstrip(".") or words(output, declared.unit)
    what = described(f"{what[0].upper()}{what[1:]}", declared.unit, declared.numeric)
    parts = [text.doc(f"{what}."), "    " + text.doc(f"{output} = {plan.text}", hang=4)]
    if citations:
        parts.append("    Sources:\n" + "\n".join(f"        {text.doc(c, indent=8, hang=4)}" for c in citations[:12]))
    if len(citations) > 12:
        parts[-1] += f"\n        and {len(citations) - 12} more in factors.json"
    return "\n\n".join(parts)


def words(name: str, unit: str) -> str:
    """A name as words, without the unit that it may end with: ``peak_rate_mmbtu_hr`` is a peak rate."""
    said = name.replace("_", " ").replace("-", " ").split() or [name]
    known = {word.lower() for word in re.findall(r"[^\W\d_]+\d?", unit)}
    known |= {short for long, short in _ENDINGS if long in known} | ({"percent", "pct"} if "%" in unit else set())
    while len(said) > 1 and (said[-1].lower() in known or said[-1].lower() == "per"):
        said.pop()
    return " ".join(said)


def _entry(python: str, output: str, declared: OutputSpec, plan: OutputPlan, citations: tuple[str, ...]) -> str:
    arguments = [
        python,
        f"output={text.py_text(output)}",
        f"unit={text.py_text(declared.unit)}",
        text.py_keyword("formula", text.one_line(plan.text), indent=12),
    ]
    if citations:
        arguments.append(text.py_keyword("citation", text.one_line(citations[0]), indent=12))
    if plan.decimals is not None:
        arguments.append(f"decimals={plan.decimals}")
    return text.py_call("Tool(", arguments, indent=8, wide=True, tail=",")


def _step(spec: AgentSpec, python: str, uses: tuple[tuple[str, str], ...], names: dict[tuple[str, str], str]) -> str:
    arguments = [f"tools.{python}"]
    for kind, name in uses:
        own = names[kind, name]
        if kind == "input" and not spec.inputs[name].required and spec.inputs[name].default is None:
            arguments.append(text.py_argument(f"{own}=need(", [f"given.{own}", text.py_text(name)], indent=12))
        else:
            arguments.append(f"{own}={own}" if kind == "output" else f"{own}=given.{own}")
    return text.py_call(f"{python} = context.step(", arguments, indent=8)


def rounding(resolution: Resolution, plan: OutputPlan) -> str:
    """The function that rounds an output, empty if none does."""
    if plan.decimals is None:
        return ""
    return "round_whole" if resolution.spec.outputs[plan.output].dtype == "int32" else "round_output"


def answer(resolution: Resolution, names: dict[tuple[str, str], str]) -> str:
    """The statement that returns every output, rounded as declared."""
    arguments = []
    for output in resolution.spec.outputs:
        plan, own = resolution.plans[output], names["output", output]
        if isinstance(plan.expression, SystemValue):
            arguments.append(f"{own}=context.provenance()")
        elif function := rounding(resolution, plan):
            second = text.py_text(output) if function == "round_whole" else str(plan.decimals)
            arguments.append(text.py_argument(f"{own}={function}(", [own, second], indent=12))
        else:
            arguments.append(f"{own}={own}")
    return text.py_call("return Output(", arguments, indent=8, wide=True)


def constant(name: str, value: Decimal, comment: str) -> str:
    """The line that declares a conversion constant, with its comment."""
    line = f"{name} = {text.py_decimal(value)}"
    said = text.one_line(comment)
    if len(line) + len(said) + 4 <= text.WIDTH:
        return f"{line}  # {said}"
    return f"# {said}\n{line}" if len(said) + 2 <= text.WIDTH else line
