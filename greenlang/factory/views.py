"""What the templates lay out: an agent's parts as typed views in which everything is decided.

Belongs here: a part as a whole, and the pack around the parts. Does not belong here: the fields of its models
(``fields``), its calculations (``functions``), test cases (``cases``), templates and files (``generate``).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import greenlang_sdk

from greenlang.factors.model import Factor
from greenlang.factory import naming, text, whole
from greenlang.factory.cases import case_content, example
from greenlang.factory.constants import Constants
from greenlang.factory.fields import Field, RowClass, input_field, model_names, output_field, row_class
from greenlang.factory.functions import ToolView, answer, constant, rounding, tool_view
from greenlang.factory.identifiers import identifier
from greenlang.factory.parameters import ParameterRow, parameter_tables
from greenlang.formulas.tree import SystemValue
from greenlang.resolution.plan import Gap, Resolution
from greenlang.specs.model import AgentSpec

PYDANTIC = "pydantic>=2.11"
API_EXTRA = ("fastapi>=0.115", "uvicorn>=0.34")
TEST_EXTRA = ("pytest>=8.3",)
PORT = 8080
LICENCES = ("Apache-2.0", "MIT")  # whose text a pack carries
_MEANS = {
    "given": "the spec gives it",
    "property": "the spec states it as a property",
    "prose": "the spec describes it in words",
    "library": "it is a formula of the library",
    "overlay": "a reviewed overlay gives it",
    "system": "the runtime supplies it",
}


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
    rows: tuple[RowClass, ...]
    tools: tuple[ToolView, ...]
    constants: tuple[tuple[str, str], ...]
    sdk_functions: tuple[str, ...]
    looks_up: bool
    needs: bool
    rounding: tuple[str, ...]  # what rounds its outputs
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
        """What it is for, in a sentence or two."""
        return text.paragraph(self.spec.summary or self.spec.name or self.name)

    @property
    def run_example(self) -> str:
        """The call of the agent on `example` in the notebook."""
        return f"pack.AGENT.call({text.py_text(self.name)}, example)" if self.name else "pack.AGENT.run(example)"

    @property
    def run_varied(self) -> str:
        """The statement that runs it with one input changed."""
        assert self.sweep is not None
        given = f"{{**example, {text.py_text(self.sweep.name)}: changed}}"
        if self.name:
            return text.py_call("varied = pack.AGENT.call(", [text.py_text(self.name), given], indent=4)
        return text.py_call("varied = pack.AGENT.run(", [given], indent=4)

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
    def gaps(self) -> list[tuple[Gap, str]]:
        """What the references do not cover, each with the candidates that its reason does not name."""
        gaps = self.resolution.gaps
        return [(gap, ", ".join(c for c in gap.candidates if c not in gap.reason)) for gap in gaps]

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
        """The example as JSON for a shell's single quotes, an input a line where one line were too long."""
        line = json.dumps(self.example, ensure_ascii=False)
        shown = line if len(line) < text.WIDTH - 40 else json.dumps(self.example, ensure_ascii=False, indent=2)
        return shown.replace("'", "'\\''")

    @property
    def example_shell(self) -> str:
        """The demo's call as shell lines for a docstring; a text that could end one is left open."""
        import shlex

        words = [shlex.quote(f"{name}={_word(value)}") for name, value in self.example.items()]
        safe = [word.isprintable() and not set(word) & {'"', "\\"} for word in words]
        shown = [word if ok else f"{name}=..." for name, word, ok in zip(self.example, words, safe, strict=True)]
        lines = [f"python demos/command_line.py {self.name}".rstrip()]
        for word in shown:
            if len(lines[-1]) + len(word) > text.WIDTH - 10:
                lines.append(f"    {word}")
            else:
                lines[-1] += f" {word}"
        return " \\\n    ".join(lines)

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
        """What the agent is for, in a sentence or two."""
        return text.paragraph(self.spec.summary or self.spec.name)

    @property
    def summary_lines(self) -> list[str]:
        """The same as lines of a comment."""
        return textwrap.wrap(text.one_line(self.summary), text.WIDTH - 4, break_long_words=False)

    @property
    def others_lines(self) -> list[str]:
        """Which tools the notebook does not run, as lines of a comment."""
        others = ", ".join(f"`{text.one_line(part.name)}`" for part in self.parts[1:])
        said = f"The agent has several tools; this is `{text.one_line(self.part.name)}`. The others: {others}."
        return textwrap.wrap(said, text.WIDTH - 4, break_long_words=False, break_on_hyphens=False)

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

    def own_wheels(self, folder: str) -> str:
        """The wheels of the agent and of the SDK as a shell names them; an exported `wheels/` holds others beside."""
        return f"{folder}{self.distribution.replace('-', '_')}-*.whl {folder}greenlang_sdk-*.whl"

    @property
    def pinned_said(self) -> str:
        """How many rows `factors.json` pins, in words."""
        counts = (len(self.pinned), "emission factors"), (len(self.parameters), "parameter tables")
        said = [f"{count} {'row' if count == 1 else 'rows'} of {what}" for count, what in counts if count]
        return " and ".join(said)

    @property
    def pinned_count(self) -> int:
        """How many rows `factors.json` pins."""
        return len(self.pinned) + len(self.parameters)

    @property
    def looks_up(self) -> bool:
        """Whether any part reads a table; without, there is no `factors.json`."""
        return any(part.looks_up for part in self.parts)

    @property
    def licence_text(self) -> str:
        """The template of the licence's text; empty where it is not one whose text we carry."""
        return f"licences/{self.spec.license}.jinja" if self.spec.license in LICENCES else ""

    @property
    def takes_rows(self) -> bool:
        """Whether any part takes a table of rows."""
        return any(part.rows for part in self.parts)

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
        names |= {"calculate"} if self.checks_bounds or self.scales else set()
        names |= {"agrees"} if self.scales else set()
        return sorted(names, key=text.import_order)


def sdk_requirement() -> str:
    """The SDK that packs of this factory need."""
    return f"greenlang-sdk=={greenlang_sdk.__version__}"


def view(resolution: Resolution) -> View:
    """The view of a complete resolution."""
    spec = resolution.spec
    summary = spec.summary if text.one_line(spec.summary) else ""
    spec = replace(spec, name=text.one_line(spec.name) or spec.agent_id, summary=summary)
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
        taken = identifier(name) in names.values()
        names["output", name] = identifier(f"{name}_output" if taken else name, names.values())
    return names


def _part(resolution: Resolution, module: str, tables: Mapping[tuple[str, str], str]) -> PartView:
    spec = resolution.spec
    names = _names(resolution)
    inputs = tuple(input_field(i, names["input", n]) for n, i in spec.inputs.items())
    outputs = tuple(output_field(o, names["output", n]) for n, o in spec.outputs.items())
    rows = tuple(row_class(i) for i in spec.inputs.values() if i.columns)
    constants = Constants()
    stored = {name: tables[spec.part, name] for name in resolution.lookups}
    tools = tuple(
        tool_view(resolution, output, names, constants, stored)
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
        rows=rows,
        tools=tools,
        constants=tuple((name, constant(name, value, comment)) for name, (value, comment) in constants.values.items()),
        sdk_functions=tuple(sorted({f for tool in tools for f in tool.body.functions})),
        looks_up=any(tool.body.looks_up for tool in tools),
        needs=any("need(" in tool.step for tool in tools),
        rounding=tuple(sorted({rounding(resolution, tool.plan) for tool in tools} - {""})),
        answer=answer(resolution, names),
        model_names=model_names(inputs, outputs, rows),
        example=example(resolution),
        cases=case_content(resolution, stored),
    )


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | list | dict) else str(value)


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text.py_text(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    return text.py_text(value) if isinstance(value, str) else repr(value)
