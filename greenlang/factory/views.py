"""What the templates lay out: an agent's parts as typed views in which everything is decided.

Belongs here: fields, tools, texts of a part, and the pack around them. Does not belong here: expressions (``render``),
test cases (``cases``), templates and files (``generate``).
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import greenlang_sdk
from greenlang_sdk.decimals import normal_text

from greenlang.factors.model import Factor
from greenlang.factory import naming, text, whole
from greenlang.factory.cases import case_content, example
from greenlang.factory.parameters import ParameterRow, lookup_name, parameter_tables
from greenlang.factory.render import Body, Constants, identifier, render
from greenlang.formulas.tree import Lookup, Name, Node, Sum, SystemValue, TableCall, walk
from greenlang.resolution.plan import Gap, OutputPlan, Resolution
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec

PYDANTIC = "pydantic>=2.11"
API_EXTRA = ("fastapi>=0.115", "uvicorn>=0.34")
TEST_EXTRA = ("pytest>=8.3",)
PORT = 8080
_MEANS = {
    "given": "the spec gives it",
    "property": "the spec states it as a property",
    "prose": "the spec describes it in words",
    "library": "it is a formula of the library",
    "overlay": "a reviewed overlay gives it",
    "system": "the runtime supplies it",
}
_CELL = re.compile(r"(?P<sheet>[^!]+)!(?P<cell>[A-Z]{1,3}[0-9]+)")
_TYPES = {"float64": "Decimal", "int32": "Decimal", "string": "str", "bool": "bool"}
_MODEL_TYPES = {
    "float64": "Number",
    "int32": "Whole",
    "string": "Text",
    "bool": "Truth",
    "list": "list[Any]",
    "object": "dict[str, Any]",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the input or output model, laid out."""

    name: str  # as in the spec
    python: str
    declaration: str
    spec: InputSpec | OutputSpec
    limits: str = ""


@dataclass(frozen=True, slots=True)
class ToolView:
    """One calculation: its function, its entry in TOOLS, its step in execute()."""

    output: str
    python: str
    signature: str
    docstring: str
    body: Body
    entry: str
    step: str
    plan: OutputPlan
    unit: str
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """An input, its value in the example as a Python expression, and the output that follows it."""

    name: str
    value: str
    output: str


@dataclass(frozen=True)
class PartView:
    """One tool of the spec as an agent of its own; a flat agent is its only part."""

    name: str  # as in the spec; "" for a flat agent
    module: str
    spec: AgentSpec
    resolution: Resolution
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    tools: tuple[ToolView, ...]
    constants: tuple[tuple[str, str], ...]
    sdk_functions: tuple[str, ...]
    looks_up: bool
    needs: bool
    rounds: bool
    answer: str
    model_names: dict[str, tuple[str, ...]]
    example: dict[str, Any]
    cases: dict[str, Any]

    @property
    def title(self) -> str:
        """What the part is called in headings."""
        return self.spec.name or self.name

    @property
    def summary(self) -> str:
        """One sentence on it."""
        return text.sentence(self.spec.summary or self.spec.name or self.name)

    @property
    def run_example(self) -> str:
        """The call of the agent on `example` in the notebook."""
        return f"pack.AGENT.call({text.py_text(self.name)}, example)" if self.name else "pack.AGENT.run(example)"

    @property
    def run_varied(self) -> str:
        """The same with one input changed."""
        assert self.sweep is not None
        given = f"{{**example, {text.py_text(self.sweep.name)}: changed}}"
        if self.name:
            return text.py_call("pack.AGENT.call(", [text.py_text(self.name), given], indent=4)
        return text.py_call("pack.AGENT.run(", [given], indent=4)

    @cached_property
    def sweep(self) -> Sweep | None:
        """An input that the notebook varies: the first one that an output is proportional to."""
        for found in self.cases["scaling"]:
            name, value = found["input"], self.example.get(found["input"])
            if value is not None and not isinstance(value, bool):
                return Sweep(name, text.py_decimal(Decimal(value)), found["output"])
        return None

    @property
    def parameters(self) -> tuple[ParameterRow, ...]:
        """Rows of parameter tables that the part reads."""
        return tuple(row for table in parameter_tables(self.resolution) for row in table.rows)

    @property
    def has_answers(self) -> bool:
        """Whether any vector has expected outputs."""
        return any(not case["code"] for case in self.cases["vectors"])

    @property
    def has_refusals(self) -> bool:
        """Whether any vector must be refused."""
        return any(case["code"] for case in self.cases["vectors"])

    @property
    def checks_bounds(self) -> bool:
        """Whether a declared property is tested on the vectors."""
        return bool(self.cases["bounds"]) and self.has_answers

    @property
    def example_items(self) -> list[str]:
        """The example as items of a Python dict."""
        return [f"{text.py_text(name)}: {_literal(value)}" for name, value in self.example.items()]

    @property
    def example_run(self) -> str:
        """The example as a call of the agent, on one line if it fits."""
        head = f"result = AGENT.call({text.py_text(self.name)}, {{" if self.name else "result = AGENT.run({"
        line = text.py_call(head, self.example_items, tail=")")
        if "\n" not in line:
            return line
        inner = text.py_call("{", self.example_items, indent=4, wide=True)
        arguments = [text.py_text(self.name), inner] if self.name else [inner]
        return text.py_call(head.rpartition("(")[0].removesuffix(", {") + "(", arguments, wide=True)

    @property
    def example_json(self) -> str:
        """The example as JSON for a shell's single quotes."""
        return json.dumps(self.example, ensure_ascii=False).replace("'", "'\\''")

    @property
    def example_shell(self) -> str:
        """The example as ``name=value`` words of a shell line."""
        import shlex

        return " ".join(shlex.quote(f"{name}={_word(value)}") for name, value in self.example.items())

    @property
    def tools_need_decimal(self) -> bool:
        """Whether tools.py mentions Decimal."""
        return bool(self.constants) or any("Decimal" in t.signature or t.body.decimal for t in self.tools)

    def found_by(self, output: str) -> str:
        """By what means an output's formula was found, in words."""
        return _MEANS[self.resolution.plans[output].means]


@dataclass(frozen=True)
class View:
    """Everything that the templates lay out."""

    spec: AgentSpec
    package: str
    distribution: str
    version: str
    parts: tuple[PartView, ...]
    toolbox: bool
    pinned: tuple[Factor, ...]
    parameters: tuple[ParameterRow, ...]
    gaps: tuple[Gap, ...]
    tables: dict[tuple[str, str], str] = field(default_factory=dict)  # (part, look-up) -> name in factors.json

    @property
    def part(self) -> PartView:
        """The only part of a flat agent, the first one of another."""
        return self.parts[0]

    @property
    def summary(self) -> str:
        """One sentence on the agent."""
        return text.sentence(self.spec.summary or self.spec.name)

    @property
    def summary_lines(self) -> list[str]:
        """The same as lines of a comment."""
        return textwrap.wrap(text.one_line(self.summary), text.WIDTH - 4, break_long_words=False)

    @property
    def parts_import(self) -> str:
        """The import of the packages of the tools."""
        names = sorted(part.module for part in self.parts)
        line = f"from .parts import {', '.join(names)}"
        return line if len(line) <= text.WIDTH else text.py_call("from .parts import (", names, wide=True)

    @property
    def requirements(self) -> tuple[str, ...]:
        """What the agent needs installed."""
        return (sdk_requirement(), PYDANTIC)

    @property
    def requirements_literal(self) -> str:
        """The same as a Python list."""
        return f"[{', '.join(map(text.py_text, self.requirements))}]"

    @property
    def api_extra(self) -> tuple[str, ...]:
        """What the HTTP demo needs beside."""
        return API_EXTRA

    @property
    def test_extra(self) -> tuple[str, ...]:
        """What the tests need beside."""
        return TEST_EXTRA

    @property
    def pinned_count(self) -> int:
        """How many rows `factors.json` pins."""
        return len(self.pinned) + len(self.parameters)

    @property
    def looks_up(self) -> bool:
        """Whether any part reads a table."""
        return any(part.looks_up for part in self.parts)

    @property
    def service(self) -> str:
        """The name of the Kubernetes objects."""
        return naming.service_name(self.spec)

    @property
    def tag(self) -> str:
        """The tag of the image."""
        return naming.image_tag(self.spec.version)

    @property
    def port(self) -> int:
        """Where the container listens."""
        return PORT

    @property
    def memory_mb(self) -> int:
        """The memory limit of a container: the spec's, 192 MiB at least for the interpreter and the server."""
        return max(192, self.spec.memory_limit_mb or 256)

    @property
    def has_answers(self) -> bool:
        """Whether any vector of any part has expected outputs."""
        return any(part.has_answers for part in self.parts)

    @property
    def has_refusals(self) -> bool:
        """Whether any vector of any part must be refused."""
        return any(part.has_refusals for part in self.parts)

    @property
    def has_accepted(self) -> bool:
        """Whether any part has inputs just inside their limits."""
        return any(part.cases["accepted"] for part in self.parts)

    @property
    def checks_bounds(self) -> bool:
        """Whether a declared property is tested on the vectors."""
        return any(part.checks_bounds for part in self.parts)

    @property
    def scales(self) -> bool:
        """Whether an output is proportional to a power of an input."""
        return any(part.cases["scaling"] for part in self.parts)

    @property
    def property_imports(self) -> list[str]:
        """What test_property.py takes from the SDK's testing module."""
        names = {"read_cases"}
        names |= {"Case"} if self.has_answers else set()
        names |= {"calculate"} if self.checks_bounds or self.scales else set()
        names |= {"agrees"} if self.scales else set()
        return sorted(names, key=_isort_key)


def sdk_requirement() -> str:
    """The SDK that packs of this factory need."""
    return f"greenlang-sdk=={greenlang_sdk.__version__}"


def view(resolution: Resolution) -> View:
    """The view of a complete resolution."""
    spec = resolution.spec
    found = resolution.flat
    toolbox = whole.is_toolbox(resolution)
    tables = table_names(found)
    modules = naming.part_modules([part.spec.part for part in found]) if toolbox else [""]
    return View(
        spec=spec,
        package=naming.package_name(spec),
        distribution=naming.distribution_name(spec),
        version=naming.wheel_version(spec.version),
        parts=tuple(_part(part, module, tables) for part, module in zip(found, modules, strict=True)),
        toolbox=toolbox,
        pinned=resolution.pinned,
        parameters=whole.parameters(resolution),
        gaps=whole.gaps(resolution),
        tables=tables,
    )


def table_names(parts: tuple[Resolution, ...]) -> dict[tuple[str, str], str]:
    """The name in `factors.json` of each part's look-ups: its own where no other part means other rows by it."""
    names: dict[tuple[str, str], str] = {}
    for part in parts:
        for name, table in part.lookups.items():
            shared = all(other.lookups.get(name, table) == table for other in parts)
            names[part.spec.part, name] = name if shared else f"{part.spec.part}.{name}"
    return names


def _names(resolution: Resolution) -> dict[tuple[str, str], str]:
    """(kind, name) -> Python name, all different."""
    names: dict[tuple[str, str], str] = {}
    for name in resolution.spec.inputs:
        names["input", name] = identifier(name, names.values())
    for name in resolution.order:
        names["output", name] = identifier(name, names.values())
    return names


def _part(resolution: Resolution, module: str, tables: Mapping[tuple[str, str], str]) -> PartView:
    spec = resolution.spec
    names = _names(resolution)
    inputs = tuple(_input_field(i, names["input", n]) for n, i in spec.inputs.items())
    outputs = tuple(_output_field(o, names["output", n]) for n, o in spec.outputs.items())
    constants = Constants()
    stored = {name: tables[spec.part, name] for name in resolution.lookups}
    tools = tuple(
        _tool(resolution, output, names, constants, stored)
        for output in resolution.order
        if not isinstance(resolution.plans[output].expression, SystemValue)
    )
    return PartView(
        name=spec.part,
        module=module,
        spec=spec,
        resolution=resolution,
        inputs=inputs,
        outputs=outputs,
        tools=tools,
        constants=tuple((name, _constant(name, value, comment)) for name, (value, comment) in constants.values.items()),
        sdk_functions=tuple(sorted({f for tool in tools for f in tool.body.functions})),
        looks_up=any(tool.body.looks_up for tool in tools),
        needs=any("need(" in tool.step for tool in tools),
        rounds=any(tool.plan.decimals is not None for tool in tools),
        answer=_answer(resolution, names),
        model_names=_model_names(inputs, outputs),
        example=example(resolution),
        cases=case_content(resolution),
    )


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | list | dict) else str(value)


def _literal(value: Any) -> str:
    return text.py_text(value) if isinstance(value, str) else repr(value)


def _constant(name: str, value: Decimal, comment: str) -> str:
    line = f'{name} = Decimal("{normal_text(value)}")'
    said = text.one_line(comment)
    if len(line) + len(said) + 4 <= text.WIDTH:
        return f"{line}  # {said}"
    return f"# {said}\n{line}" if len(said) + 2 <= text.WIDTH else line


def _model_names(inputs: tuple[Field, ...], outputs: tuple[Field, ...]) -> dict[str, tuple[str, ...]]:
    """What models.py imports, by module."""
    source = " ".join(f.declaration for f in (*inputs, *outputs))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', "", source)

    def used(*candidates: str) -> tuple[str, ...]:
        return tuple(c for c in candidates if re.search(rf"\b{c}\b", bare))

    return {
        "decimal": used("Decimal"),
        "typing": used("Annotated", "Any", "Literal"),
        "pydantic": used("Field"),
        "sdk": tuple(
            sorted({"AgentInput", "AgentOutput", *used("Number", "Text", "Truth", "Whole", "one_of")}, key=_isort_key)
        ),
    }


def _isort_key(name: str) -> tuple[bool, str]:
    return (name[0].islower(), name)


def _describe(description: str, unit: str, numeric: bool) -> str:
    line = text.one_line(description)
    if not numeric or unit in {"", "1"}:
        return line
    return f"{line} [{unit}]" if line else f"[{unit}]"


def _input_field(given: InputSpec, python: str) -> Field:
    kind = _MODEL_TYPES[given.dtype]
    head = f"{python}: {kind}"
    if given.enum and given.numeric:
        choices = [text.py_value(Decimal(v)) for v in given.enum if isinstance(v, (Decimal, int))]
        head = f"{python}: " + text.py_call("Annotated[", [kind, f"one_of({', '.join(choices)})"], indent=4)
    elif given.enum:
        head = text.py_call(f"{python}: Literal[", [text.py_value(v) for v in given.enum], indent=4, tail=" = Field(")
        head = head.removesuffix(" = Field(")
    optional = not given.required and given.default is None
    arguments: list[str] = []
    if optional:
        head += " | None"
        arguments.append("default=None")
    elif given.default is not None:
        default = given.default
        arguments.append(f"default={text.py_value(Decimal(default) if given.numeric else default)}")
    if python != given.name:
        arguments += [
            f"validation_alias={text.py_text(given.name)}",
            f"serialization_alias={text.py_text(given.name)}",
        ]
    limits = [(k, v) for k in ("ge", "gt", "le", "lt") if (v := getattr(given, k)) is not None and given.numeric]
    arguments += [f"{key}={_limit(value)}" for key, value in limits]
    if given.pattern and not given.enum and given.dtype == "string":
        arguments.append(f"pattern={text.py_text(given.pattern)}")
    description = _describe(given.description, given.unit, given.numeric)
    if description:
        arguments.append(text.py_keyword("description", description, indent=8))
    declaration = _declaration(head, arguments)
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    said = [f"{signs[key]} {normal_text(value)}" for key, value in limits]
    said += [", ".join(str(v) for v in given.enum)] if given.enum else []
    said += [f"matches {given.pattern}"] if given.pattern else []
    return Field(given.name, python, declaration, given, "; ".join(said))


def _limit(value: Decimal) -> str:
    part = text.py_decimal(value)
    return part if '"' in part else part.removeprefix("Decimal(").removesuffix(")")


def _declaration(head: str, arguments: list[str]) -> str:
    if not arguments:
        return head
    return text.py_call(f"{head} = Field(", arguments, indent=4)


def _output_field(given: OutputSpec, python: str) -> Field:
    head = f"{python}: {_MODEL_TYPES[given.dtype]}"
    arguments = []
    if python != given.name:
        arguments += [
            f"validation_alias={text.py_text(given.name)}",
            f"serialization_alias={text.py_text(given.name)}",
        ]
    description = _describe(given.description, given.unit, given.numeric)
    if description:
        arguments.append(text.py_keyword("description", description, indent=8))
    return Field(given.name, python, _declaration(head, arguments), given)


def _tool(
    resolution: Resolution,
    output: str,
    names: dict[tuple[str, str], str],
    constants: Constants,
    tables: Mapping[str, str],
) -> ToolView:
    spec, plan = resolution.spec, resolution.plans[output]
    declared = spec.outputs[output]
    uses = _uses(plan.expression)
    python = names["output", output]
    own = {key: names[key] for key in uses}
    body = render(plan.expression, names=own, constants=constants, tables=tables)
    parameters = [f"{names[kind, name]}: {_type(spec, kind, name)}" for kind, name in uses]
    signature = text.py_call(
        f"def {python}(", ["*", *parameters] if parameters else [], tail=f" -> {_TYPES[declared.dtype]}:"
    )
    rows = _rows(resolution, plan.expression)
    read = [c for c in _parameter_citations(resolution, plan.expression) if c]
    citations = tuple(dict.fromkeys([c for c in (plan.citation, *_grouped(rows), *read) if c]))
    return ToolView(
        output=output,
        python=python,
        signature=signature,
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
    dtype = spec.inputs[name].dtype if kind == "input" else spec.outputs[name].dtype
    return _TYPES[dtype]


def _grouped(rows: list[Factor]) -> list[str]:
    """Citations, one a sheet of a table, each with all its cells: ``..., Table 1, Hub, cells E39, E56``."""
    cells: dict[str, dict[str, None]] = {}
    places: dict[str, dict[str, None]] = {}
    order: dict[str, None] = {}
    for row in rows:
        sheet = _CELL.fullmatch(row.cell)
        place = ", ".join(part for part in (row.document, row.table, sheet["sheet"] if sheet else "") if part)
        order[place] = None
        if sheet:
            cells.setdefault(place, {})[sheet["cell"]] = None
        elif row.cell:
            places.setdefault(place, {})[row.cell] = None
    citations = []
    for place in order:
        listed = sorted(cells.get(place, ()), key=_cell_order)
        said = [f"{'cell' if len(listed) == 1 else 'cells'} {', '.join(listed)}"] if listed else []
        if place in places:
            said.append("; ".join(places[place]))
        citations.append(", ".join([place, *said]))
    return citations


def _cell_order(cell: str) -> tuple[int, str, int]:
    letters = cell.rstrip("0123456789")
    return len(letters), letters, int(cell[len(letters) :])


def _rows(resolution: Resolution, node: Node) -> list[Factor]:
    tables = dict.fromkeys(n.table for n in walk(node) if isinstance(n, Lookup))
    return [f for t in tables for _, f in sorted(resolution.lookups[t].rows.items())]


def _parameter_citations(resolution: Resolution, node: Node) -> list[str]:
    read = {lookup_name(n) for n in walk(node) if isinstance(n, TableCall)}
    return [row.citation for table in parameter_tables(resolution) if table.name in read for row in table.rows]


def _docstring(output: str, declared: OutputSpec, plan: OutputPlan, citations: tuple[str, ...]) -> str:
    what = text.one_line(declared.description).rstrip(".") or f"The output {output}"
    what = f"{what[0].upper()}{what[1:]}"
    first = text.doc(
        f"{what} [{declared.unit}]." if declared.numeric and declared.unit not in {"", "1"} else f"{what}."
    )
    parts = [first, "    " + text.doc(f"{output} = {plan.text}", hang=4)]
    if citations:
        parts.append("    Sources:\n" + "\n".join(f"        {text.doc(c, indent=8, hang=4)}" for c in citations[:12]))
    if len(citations) > 12:
        parts[-1] += f"\n        and {len(citations) - 12} more in factors.json"
    return "\n\n".join(parts)


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
        value = own if kind == "output" else f"given.{own}"
        if kind == "input" and not spec.inputs[name].required and spec.inputs[name].default is None:
            value = f"need({value}, {text.py_text(name)})"
        arguments.append(f"{own}={value}")
    return text.py_call(f"{python} = context.step(", arguments, indent=8)


def _answer(resolution: Resolution, names: dict[tuple[str, str], str]) -> str:
    arguments = []
    for output in resolution.spec.outputs:
        plan, own = resolution.plans[output], names["output", output]
        if isinstance(plan.expression, SystemValue):
            value = "context.provenance()"
        else:
            value = own if plan.decimals is None else f"round_output({own}, {plan.decimals})"
        arguments.append(f"{own}={value}")
    return text.py_call("return Output(", arguments, indent=8, wide=True)
