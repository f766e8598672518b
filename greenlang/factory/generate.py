"""A resolution -> the files of a pack: pure, deterministic, no file written, no clock read.

Each file has one template under ``templates/agent``; everything that needs a decision is decided here, in a typed
view, so that templates only lay out. Belongs here: views and their rendering. Does not belong here: expressions
(``render``), test cases (``cases``), writing (``pack``).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import greenlang_sdk
import jinja2
from greenlang_sdk.decimals import normal_text

from greenlang._paths import data
from greenlang.factors.model import Factor
from greenlang.factory import text
from greenlang.factory.cases import cases, example
from greenlang.factory.render import Body, Constants, identifier, render
from greenlang.factory.sbom import sbom
from greenlang.formulas.tree import Lookup, Name, Node, SystemValue, walk
from greenlang.provenance import bytes_digest, factor_digest, factor_row, files_digest
from greenlang.resolution.plan import FactorLookup, Gap, OutputPlan, Resolution
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec

SBOM = "sbom.cdx.json"
PYDANTIC = "pydantic>=2.11"
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


def package_name(spec: AgentSpec) -> str:
    """The import name of an agent: ``gl_`` and its id.

    ``emissions/carbon_calculator_v1`` is ``gl_emissions_carbon_calculator_v1``. An id from which the name could not be
    read back (a hyphen, a second slash, an underscore in the domain) gets six digits of its own digest, so that two
    ids never share a name.
    """
    name = "gl_" + re.sub(r"\W", "_", spec.agent_id, flags=re.ASCII).lower()
    if not re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+", spec.agent_id):
        name += "_" + hashlib.sha256(spec.agent_id.encode()).hexdigest()[:6]
    return f"{name}_" if name in sys.stdlib_module_names else name


def distribution_name(spec: AgentSpec) -> str:
    """The name of the agent's wheel."""
    return re.sub(r"_+", "-", package_name(spec)).strip("-")


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
    """One tool: its function, its entry in TOOLS, its step in execute()."""

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
class View:
    """Everything that the templates lay out."""

    spec: AgentSpec
    resolution: Resolution
    package: str
    distribution: str
    version: str
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
    def requirements(self) -> tuple[str, ...]:
        """What the agent needs installed."""
        return (sdk_requirement(), PYDANTIC)

    @property
    def requirements_literal(self) -> str:
        """The same as a Python list."""
        return f"[{', '.join(map(text.py_text, self.requirements))}]"

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
    def property_imports(self) -> list[str]:
        """What test_property.py takes from the SDK."""
        names = {"read_cases"}
        names |= {"Case"} if self.has_answers else set()
        names |= {"calculate"} if self.checks_bounds or self.cases["scaling"] else set()
        names |= {"agrees"} if self.cases["scaling"] else set()
        return sorted(names, key=_isort_key)

    @property
    def example_items(self) -> list[str]:
        """The example as items of a Python dict."""
        return [f"{text.py_text(name)}: {_literal(value)}" for name, value in self.example.items()]

    @property
    def example_run(self) -> str:
        """The example as a call, on one line if it fits."""
        line = text.py_call("result = AGENT.run({", self.example_items, tail=")")
        if "\n" not in line:
            return line
        return text.py_call(
            "result = AGENT.run(", [text.py_call("{", self.example_items, indent=4, wide=True)], wide=True
        )

    @property
    def example_json(self) -> str:
        """The example as JSON for a shell's single quotes."""
        return json.dumps(self.example, ensure_ascii=False).replace("'", "'\\''")

    @property
    def tools_need_decimal(self) -> bool:
        """Whether tools.py mentions Decimal."""
        return bool(self.constants) or any("Decimal" in t.signature or t.body.decimal for t in self.tools)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data() / "templates" / "agent"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the files are no HTML; every value passes a quoting filter
        auto_reload=False,
    )
    environment.filters |= {
        "py": text.py_value,
        "doc": text.doc,
        "sentence": text.sentence,
        "line": text.one_line,
        "cell": text.cell,
        "code": text.code,
        "toml": text.toml_text,
        "number": normal_text,
    }
    environment.globals["call"] = text.py_call
    return environment


FILES = {
    "{package}/__init__.py": "package_init.py.jinja",
    "{package}/__main__.py": "package_main.py.jinja",
    "{package}/agent.py": "agent.py.jinja",
    "{package}/models.py": "models.py.jinja",
    "{package}/tools.py": "tools.py.jinja",
    "{package}/factors.py": "factors.py.jinja",
    "tests/test_unit.py": "test_unit.py.jinja",
    "tests/test_golden.py": "test_golden.py.jinja",
    "tests/test_boundary.py": "test_boundary.py.jinja",
    "tests/test_property.py": "test_property.py.jinja",
    "tests/test_determinism.py": "test_determinism.py.jinja",
    "tests/test_integration.py": "test_integration.py.jinja",
    "README.md": "README.md.jinja",
    "docs/api.md": "api.md.jinja",
    "demo.py": "demo.py.jinja",
    "Dockerfile": "Dockerfile.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    "LICENSE": "LICENSE.jinja",
}


def generate(resolution: Resolution, *, tables_digest: str = "", release: str = "") -> dict[str, bytes]:
    """Relative path -> content of every file of the pack but wheels and certificate.

    ``tables_digest`` and ``release`` are named in the certificate only: a release that changes none of the pinned
    rows must leave the files as they are. Raises ValueError if an output has no plan.
    """
    del tables_digest, release
    if resolution.missing:
        raise ValueError(f"no plan for {', '.join(m.output for m in resolution.missing)}")
    vectors = cases(resolution)
    view = _view(resolution, json.loads(vectors))
    environment = _environment()
    files = {
        path.format(package=view.package): environment.get_template(template).render(v=view).encode("utf-8")
        for path, template in FILES.items()
    }
    files |= {
        f"{view.package}/py.typed": b"",
        f"{view.package}/factors.json": _factors(resolution),
        "pack.yaml": text.yaml(_manifest(resolution, view)).encode("utf-8"),
        "tests/vectors.json": vectors,
    }
    hashes = {name: bytes_digest(content) for name, content in files.items()}
    files[SBOM] = sbom(
        distribution=view.distribution,
        version=resolution.spec.version,
        license_id=resolution.spec.license,
        digest=files_digest(hashes),
    )
    return dict(sorted(files.items()))


def _names(resolution: Resolution) -> dict[tuple[str, str], str]:
    """(kind, name) -> Python name, all different."""
    names: dict[tuple[str, str], str] = {}
    for name in resolution.spec.inputs:
        names["input", name] = identifier(name, names.values())
    for name in resolution.order:
        names["output", name] = identifier(name, names.values())
    return names


def _view(resolution: Resolution, test_cases: dict[str, Any]) -> View:
    spec = resolution.spec
    names = _names(resolution)
    inputs = tuple(_input_field(i, names["input", n]) for n, i in spec.inputs.items())
    outputs = tuple(_output_field(o, names["output", n]) for n, o in spec.outputs.items())
    constants = Constants()
    tools = tuple(
        _tool(resolution, output, names, constants)
        for output in resolution.order
        if not isinstance(resolution.plans[output].expression, SystemValue)
    )
    return View(
        spec=spec,
        resolution=resolution,
        package=package_name(spec),
        distribution=distribution_name(spec),
        version=_version(spec.version),
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
        cases=test_cases,
    )


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
    if not numeric or unit == "1":
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


def _tool(resolution: Resolution, output: str, names: dict[tuple[str, str], str], constants: Constants) -> ToolView:
    spec, plan = resolution.spec, resolution.plans[output]
    declared = spec.outputs[output]
    uses = _uses(plan.expression)
    python = names["output", output]
    own = {key: names[key] for key in uses}
    body = render(plan.expression, names=own, constants=constants)
    parameters = [f"{names[kind, name]}: {_type(spec, kind, name)}" for kind, name in uses]
    signature = text.py_call(
        f"def {python}(", ["*", *parameters] if parameters else [], tail=f" -> {_TYPES[declared.dtype]}:"
    )
    rows = _rows(resolution, plan.expression)
    citations = tuple(dict.fromkeys([c for c in (plan.citation, *_grouped(rows)) if c]))
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
            case Name(name=name, kind=kind):
                found[kind, name] = None
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


def _docstring(output: str, declared: OutputSpec, plan: OutputPlan, citations: tuple[str, ...]) -> str:
    what = text.one_line(declared.description).rstrip(".") or f"The output {output}"
    what = f"{what[0].upper()}{what[1:]}"
    first = text.doc(f"{what} [{declared.unit}]." if declared.numeric and declared.unit != "1" else f"{what}.")
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


def _version(version: str) -> str:
    """The spec's version as a wheel's version."""
    from flit_core.versionno import VERSION_PERMISSIVE, normalise_version

    if VERSION_PERMISSIVE.match(version):
        return str(normalise_version(version))
    numbers = re.match(r"\d+(\.\d+)*", version)
    rest = re.sub(r"[^a-z0-9]+", ".", version[numbers.end() if numbers else 0 :].lower()).strip(".")
    return f"{numbers[0] if numbers else '0'}+{rest or 'unknown'}"


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


def _factors(resolution: Resolution) -> bytes:
    content = {
        "tables": [_table(table) for _, table in sorted(resolution.lookups.items())],
        "factors": [factor_row(f) | {"digest": factor_digest(f)} for f in resolution.pinned],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _manifest(resolution: Resolution, view: View) -> dict[str, Any]:
    """pack.yaml: the spec as it was resolved."""
    spec = resolution.spec
    return {
        "schema_version": "2.0.0",
        "id": spec.agent_id,
        "name": spec.name,
        "version": spec.version,
        "summary": text.one_line(spec.summary),
        "tags": list(spec.tags),
        "owners": list(spec.owners),
        "license": spec.license,
        "resolved_from": {"dialect": spec.dialect, "sha256": spec.digest, "gwp_set": spec.gwp_set},
        "compute": {
            "entrypoint": f"python://{view.package}:Agent",
            "deterministic": True,
            "inputs": {name: _manifest_input(given) for name, given in spec.inputs.items()},
            "outputs": {
                name: {"dtype": o.dtype, "unit": o.unit, "description": text.one_line(o.description)}
                | _manifest_plan(resolution.plans[name])
                for name, o in spec.outputs.items()
            },
            "factors": [
                {
                    "key": f.key,
                    "value": f.value,
                    "unit": f.unit,
                    "citation": f.citation,
                    "digest": factor_digest(f),
                }
                for f in resolution.pinned
            ],
            "gaps": [_gap(gap) for gap in resolution.gaps],
        },
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


def sdk_requirement() -> str:
    """The SDK that packs of this factory need."""
    return f"greenlang-sdk=={greenlang_sdk.__version__}"
