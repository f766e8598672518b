"""Bytes -> AgentSpec and findings, all of them in one pass.

``read`` is the one entrance. An AgentSpec is returned only if nothing is wrong with its form; whether its references
exist and its formulas fit is resolution's business.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from greenlang import units
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.parse import parse as parse_expression
from greenlang.specs import dialects, patterns, schema
from greenlang.specs.diagnostics import Diagnostic, Severity, has_errors
from greenlang.specs.model import (
    AgentSpec,
    DType,
    Expectation,
    FactorRef,
    FormulaGiven,
    GoldenCase,
    InputSpec,
    LedgerLine,
    OutputSpec,
    Property,
    Scalar,
)
from greenlang.specs.source import Document, Path, dotted, parse

ID = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*(?:/[a-z0-9]+(?:[_-][a-z0-9]+)*)+\Z")
VERSION = re.compile(  # the grammar of Semantic Versioning 2.0.0
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?\Z"
)
NAME = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
EF = re.compile(r"ef://[A-Za-z0-9_.-]+(/[A-Za-z0-9_.()-]+)+(@[A-Za-z0-9_.-]+)?\Z")
MAX_ID = 120
_DTYPES: dict[str, DType] = {
    "float64": "float64",
    "float32": "float64",
    "int32": "int32",
    "int64": "int32",
    "string": "string",
    "bool": "bool",
    "list": "list",
    "object": "object",
}
_IGNORED: dict[str, str] = {
    "ai": "text for a language model; numbers never come from one",
    "realtime": "live connectors are not part of a generated pack",
    "security": "a generated agent opens no connection, so there is nothing to allow",
    "metadata": "free text of the author; kept in the pack, not interpreted",
    "compute.entrypoint": "names code that is not part of the spec; the factory generates the code",
    "compute.dependencies": "a generated agent needs pydantic and the GreenLang SDK only",
    "compute.python_version": "generated agents run on Python 3.11 and newer",
    "compute.deterministic": "every generated agent is deterministic",
    "compute.timeout_s": "every agent runs under the limits of the sandbox",
    "compute.memory_limit_mb": "every agent runs under the limits of the sandbox",
    "provenance.record": "a generated agent records its whole calculation chain",
    "provenance.enable_audit": "a generated agent records its whole calculation chain, whatever is said",
    "provenance.pin_ef": "every factor is pinned, whatever is said",
    "provenance.ef_version_pin": "every factor is pinned by its reference and the release of the factor table",
    "provenance.citation_required": "every factor carries its citation, whatever is said",
}


def read(
    data: bytes, name: str = "spec", *, max_bytes: int = 2_000_000
) -> tuple[AgentSpec | None, tuple[Diagnostic, ...]]:
    """Read one spec file.

    Returns the spec and its findings; the spec is None if any finding is an error. ``name`` is for messages only.
    """
    document = parse(data, max_bytes=max_bytes)
    if not isinstance(document.value, dict):
        return None, document.diagnostics
    found = dialects.recognise(document.value)
    if found is None or not found.readable:
        return None, (_wrong_dialect(document, found), *document.diagnostics)
    reader = _ReaderB(document)
    reader.findings.extend(document.diagnostics)
    pack = reader.validated()
    if pack is None:
        return None, reader.sorted()
    spec = reader.spec(pack, data)
    findings = reader.sorted()
    return (None if has_errors(findings) else spec), findings


def _wrong_dialect(document: Document, found: dialects.Dialect | None) -> Diagnostic:
    if found is not None:
        return Diagnostic("GLS008", "error", f"dialect {found.letter}: this is {found.title}", found.advice, 1, 1)
    keys = ", ".join(f"`{k}`" for k in list(document.value)[:6]) or "no keys"
    return Diagnostic(
        "GLS008",
        "error",
        f"no known dialect: the file starts with {keys}",
        'a spec has `schema_version: "2.0.0"`, `id`, `name`, `version` and `compute`',
        1,
        1,
    )


class _ReaderB:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Diagnostic] = []

    def add(self, code: str, message: str, hint: str, path: Path, severity: Severity = "error") -> None:
        line, column = self.document.place(path)
        self.findings.append(Diagnostic(code, severity, message, hint, line, column, dotted(path)))

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(set(self.findings), key=lambda d: (d.line, d.column, d.code, d.message)))

    # --- form -----------------------------------------------------------------------------------------------------

    def validated(self) -> schema.Pack | None:
        try:
            return schema.Pack.model_validate(self.document.value)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                self.form(problem["type"], problem["loc"], problem["msg"], problem.get("ctx", {}))
            self.sanity_of_raw()
            return None

    def form(
        self,
        kind: str,
        loc: tuple[str | int, ...],
        message: str,
        context: dict[str, Any],
        keys: Iterable[str] | None = None,
    ) -> None:
        """One of Pydantic's errors as a finding. ``keys``: those known there, if the schema of Pack does not say."""
        path = tuple(p for p in self.trimmed(loc))
        last = path[-1] if path else ""
        if kind == "extra_forbidden":
            known = sorted(_fields_at(path[:-1]) if keys is None else keys)
            near = get_close_matches(str(last), known, n=1, cutoff=0.6)
            hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known) or 'no keys'}"
            self.add("GLS010", f"unknown key `{last}`", hint, path)
        elif kind == "missing":
            self.add("GLS011", f"`{dotted(path)}` is missing", "add it", path)
        else:
            text = message.removeprefix("Value error, ")
            text = text[0].lower() + text[1:] if text else kind
            hint = "see the JSON Schema of the dialect"
            if kind == "literal_error":
                hint = f"allowed: {context.get('expected', '')}"
            elif kind == "string_type":
                hint = "put the value in quotes"
            self.add("GLS012", f"`{dotted(path)}`: {text}", hint, path)

    def trimmed(self, loc: tuple[str | int, ...]) -> Iterator[str | int]:
        """Pydantic's location without its marks for branches of a union ("dict[str,Reference]")."""
        value: Any = self.document.value
        for i, part in enumerate(loc):
            inside = (isinstance(value, dict) and part in value) or (
                isinstance(value, list) and isinstance(part, int) and part < len(value)
            )
            if inside:
                value = value[part]
                yield part
            elif i == len(loc) - 1 and isinstance(value, dict) and str(part).isidentifier():
                yield part

    def sanity_of_raw(self) -> None:
        """Findings about id and version even where the form is broken elsewhere."""
        value = self.document.value
        if isinstance(value.get("id"), str):
            self.check_id(value["id"])
        if isinstance(value.get("version"), str):
            self.check_version(value["version"])

    def check_id(self, agent_id: str) -> None:
        if not ID.match(agent_id) or len(agent_id) > MAX_ID:
            self.add(
                "GLS013",
                f"`{agent_id[:MAX_ID]}` is no agent id",
                "lower-case words joined by - or _, with one or more / between them, such as `emissions/boiler_v1`",
                ("id",),
            )

    def check_version(self, version: str) -> None:
        if not VERSION.match(version):
            self.add("GLS014", f"`{version}` is no semantic version", "write it as 1.0.0", ("version",))

    # --- meaning --------------------------------------------------------------------------------------------------

    def spec(self, pack: schema.Pack, data: bytes) -> AgentSpec:
        self.check_id(pack.id)
        self.check_version(pack.version)
        compute = pack.compute
        if not compute.deterministic:
            self.add(
                "GLS025",
                "a generated agent is deterministic; `deterministic: false` cannot be had",
                "remove it",
                ("compute", "deterministic"),
            )
        inputs = {n: self.input(n, i) for n, i in compute.inputs.items()}
        outputs = {n: self.output(n, o) for n, o in compute.outputs.items()}
        if not outputs:
            self.add(
                "GLS011",
                "`compute.outputs` declares no output",
                "declare what the agent computes",
                ("compute", "outputs"),
            )
        for name in outputs.keys() & inputs.keys():
            self.add(
                "GLS015",
                f"`{name}` is both an input and an output",
                "rename one",
                ("compute", "outputs", name),
            )
        return AgentSpec(
            dialect="B",
            digest=hashlib.sha256(data).hexdigest(),
            agent_id=pack.id,
            version=pack.version,
            name=pack.name,
            summary=" ".join(pack.summary.split()),
            tags=tuple(pack.tags),
            owners=tuple(pack.owners),
            license=pack.license,
            inputs=inputs,
            outputs=outputs,
            factors=self.factors(compute),
            formulas=self.formulas(compute, outputs),
            golden=tuple(self.golden(pack, inputs, outputs)),
            properties=tuple(self.properties(pack)),
            gwp_set=self.gwp_set(pack.provenance.gwp_set, ("provenance", "gwp_set")),
            entrypoint=compute.entrypoint,
            timeout_s=compute.timeout_s,
            memory_limit_mb=compute.memory_limit_mb,
            extra={k: v for k in ("ai", "realtime", "security", "metadata") if (v := getattr(pack, k)) is not None},
            ledger=tuple(_ledger(self.document.value)),
            raw=data.decode("utf-8-sig"),
        )

    def name(self, name: str, path: Path) -> None:
        if not NAME.match(name) or keyword.iskeyword(name) or name.startswith("model_") or len(name) > 80:
            self.add(
                "GLS015",
                f"`{name}` cannot be a name in the generated code",
                "lower-case letters, digits and _, starting with a letter, no word of Python",
                path,
            )

    def unit(self, unit: str, path: Path) -> None:
        try:
            units.parse_unit(unit)
        except UnitError as error:
            self.add("GLS020", str(error), "examples: kWh, kgCO2e, m^3, kgCO2e/kWh, tonne_km, 1", (*path, "unit"))

    def input(self, name: str, raw: schema.Input) -> InputSpec:
        path: Path = ("compute", "inputs", name)
        self.name(name, path)
        dtype = _DTYPES[raw.dtype]
        out = InputSpec(
            name=name,
            dtype=dtype,
            unit=raw.unit,
            required=raw.required and raw.default is None,
            default=self.scalar(raw.default, dtype, (*path, "default")),
            ge=raw.ge,
            gt=raw.gt,
            le=raw.le,
            lt=raw.lt,
            enum=tuple(self.enum(raw.enum or (), dtype, (*path, "enum"))),
            pattern=raw.pattern,
            description=" ".join(raw.description.split()),
        )
        if raw.enum == []:
            self.add("GLS012", f"the enum of `{name}` lists no value", "list values or remove it", (*path, "enum"))
        self.unit(raw.unit, path)
        self.bounds(out, path)
        if raw.pattern is not None:
            self.pattern(raw.pattern, dtype, path)
        if dtype in {"list", "object"}:
            self.add(
                "GLS012",
                f"input `{name}` is a {dtype}; an agent takes numbers, texts and truth values",
                "split it into single inputs",
                (*path, "dtype"),
            )
        return out

    def enum(self, values: Iterable[Any], dtype: str, path: Path) -> Iterator[Scalar]:
        for i, value in enumerate(values):
            if value is None:
                self.add(
                    "GLS012",
                    f"`{dotted((*path, i))}`: nothing is no {dtype}",
                    "remove it; for an input that may be absent write `required: false`",
                    (*path, i),
                )
            elif (scalar := self.scalar(value, dtype, (*path, i))) is not None:
                yield scalar

    def pattern(self, pattern: str, dtype: str, path: Path) -> None:
        if reason := patterns.problem(pattern):
            self.add(
                "GLS022",
                f"pattern `{pattern}` cannot be used: {reason}",
                "write a regular expression without look-around and back-references, so that it takes linear time",
                (*path, "pattern"),
            )
        if dtype != "string":
            self.add("GLS022", f"a pattern is for strings, not {dtype}", "remove it", (*path, "pattern"))

    def bounds(self, item: InputSpec, path: Path) -> None:
        if not item.numeric and any(b is not None for b in (item.ge, item.gt, item.le, item.lt)):
            self.add(
                "GLS021",
                f"`{item.name}` is a {item.dtype}; only numbers have bounds",
                "remove the bounds",
                path,
            )
            return
        low = item.gt if item.gt is not None else item.ge
        high = item.lt if item.lt is not None else item.le
        strict = item.gt is not None or item.lt is not None
        if low is not None and high is not None and (low > high or (strict and low == high)):
            self.add(
                "GLS021",
                f"no value of `{item.name}` lies between {low} and {high}",
                "swap or widen the bounds",
                path,
            )
            return
        for value in item.enum:
            if why := violates(replace(item, enum=()), value):
                self.add("GLS021", f"`{item.name}` lists {value}, which {why}", "mend the enum", (*path, "enum"))
        if item.default is not None and (why := violates(item, item.default)):
            self.add(
                "GLS021",
                f"the default {item.default} of `{item.name}` {why}",
                "mend the default",
                (*path, "default"),
            )

    def scalar(self, value: Any, dtype: str, path: Path) -> Scalar | None:
        if value is None:
            return None
        ok = {
            "float64": isinstance(value, int | Decimal) and not isinstance(value, bool),
            "int32": isinstance(value, int) and not isinstance(value, bool),
            "string": isinstance(value, str),
            "bool": isinstance(value, bool),
        }.get(dtype, True)
        if not ok:
            hint = "put it in quotes" if dtype == "string" else f"write a {dtype}"
            self.add("GLS012", f"`{dotted(path)}`: {value!r} is no {dtype}", hint, path)
            return None
        return Decimal(value) if dtype == "float64" else value

    def output(self, name: str, raw: schema.Output) -> OutputSpec:
        path: Path = ("compute", "outputs", name)
        self.name(name, path)
        self.unit(raw.unit, path)
        dtype = _DTYPES[raw.dtype]
        return OutputSpec(name, dtype, raw.unit, " ".join(raw.description.split()))

    def factors(self, compute: schema.Compute) -> dict[str, FactorRef]:
        out: dict[str, FactorRef] = {}
        raw = compute.factors
        items: list[tuple[Path, str | None, schema.Reference]] = []
        if isinstance(raw, dict):
            items = [(("compute", "factors", a), a, r) for a, r in raw.items()]
        elif isinstance(raw, list):
            items = [(("compute", "factors", i), r.name, r) for i, r in enumerate(raw)]
        for path, given, ref in items:
            if not EF.match(ref.ref):
                self.add(
                    "GLS030",
                    f"`{ref.ref}` is no reference",
                    "ef://publisher/dataset/path, such as ef://epa/stationary-combustion/2025",
                    (*path, "ref"),
                )
                continue
            alias = given or re.sub(r"[^a-z0-9]+", "_", ref.ref.split("@")[0].removeprefix("ef://").lower()).strip("_")
            if not re.match(r"[a-z][a-z0-9_]*\Z", alias):
                self.add("GLS015", f"`{alias}` cannot be an alias", "lower-case letters, digits and _", path)
            if alias in out:
                self.add("GLS003", f"two references are called `{alias}`", "give each a `name`", path)
                continue
            line, column = self.document.place(path)
            gwp_set = self.gwp_set(ref.gwp_set, (*path, "gwp_set"))
            out[alias] = FactorRef(alias, ref.ref, gwp_set, ref.description, line, column)
        return out

    def formulas(self, compute: schema.Compute, outputs: dict[str, OutputSpec]) -> dict[str, FormulaGiven]:
        out: dict[str, FormulaGiven] = {}
        for name, raw in compute.formulas.items():
            path: Path = ("compute", "formulas", name)
            if name not in outputs:
                near = get_close_matches(name, outputs, n=1)
                hint = f"did you mean `{near[0]}`?" if near else "declare it under `compute.outputs`"
                self.add("GLS040", f"a formula is given for `{name}`, which is no output", hint, path)
            given = schema.GivenFormula(expression=raw) if isinstance(raw, str) else raw
            if (given.expression is None) == (given.formula is None):
                self.add(
                    "GLS040",
                    f"the formula of `{name}` needs either `expression` or `formula`",
                    "give one",
                    path,
                )
                continue
            if given.bind and given.formula is None:
                self.add("GLS040", "`bind` goes with `formula`", "remove it", (*path, "bind"))
            for where, text in [
                (path, given.expression),
                *(((*path, "bind", k), v) for k, v in given.bind.items()),
            ]:
                if text is not None:
                    self.expression(text, where)
            line, column = self.document.place(path)
            out[name] = FormulaGiven(name, given.expression, given.formula, tuple(given.bind.items()), line, column)
        return out

    def expression(self, text: str, path: Path) -> None:
        try:
            parse_expression(text)
        except FormulaError as error:
            at = (
                f"{text[: error.offset]}»{text[error.offset :]}"
                if len(text) < 200
                else text[error.offset : error.offset + 40]
            )
            self.add("GLS040", f"`{dotted(path)}`: {error}", f"at the mark »: {at}", path)

    def golden(
        self, pack: schema.Pack, inputs: dict[str, InputSpec], outputs: dict[str, OutputSpec]
    ) -> Iterator[GoldenCase]:
        for i, raw in enumerate(pack.tests.golden):
            path: Path = ("tests", "golden", i)
            given: dict[str, Scalar] = {}
            for name, value in raw.input.items():
                here = (*path, "input", name)
                if name not in inputs:
                    self.add(
                        "GLS016",
                        f"golden case `{raw.name}` gives `{name}`, which is no input",
                        "remove it",
                        here,
                    )
                elif (scalar := self.scalar(value, inputs[name].dtype, here)) is not None:
                    if why := violates(inputs[name], scalar):
                        self.add(
                            "GLS016",
                            f"golden case `{raw.name}`: {name} = {scalar} {why}",
                            "mend the case",
                            here,
                        )
                    given[name] = scalar
            for name in (n for n, x in inputs.items() if x.required and n not in raw.input):
                self.add("GLS016", f"golden case `{raw.name}` lacks the input `{name}`", "add it", (*path, "input"))
            expect: dict[str, Expectation] = {}
            for name, given_value in raw.expect.items():
                here = (*path, "expect", name)
                if name not in outputs:
                    self.add(
                        "GLS016",
                        f"golden case `{raw.name}` expects `{name}`, which is no output",
                        "remove it",
                        here,
                    )
                    continue
                value, tol = given_value, None
                if isinstance(value, dict):
                    fields = schema.Expected.model_fields
                    try:
                        long = schema.Expected.model_validate(value)
                    except ValidationError as error:
                        for problem in error.errors(include_url=False):
                            self.form(problem["type"], (*here, *problem["loc"]), problem["msg"], {}, fields)
                        continue
                    value, tol = long.value, long.tol
                    if tol is not None and not 0 <= tol < 1:
                        self.add(
                            "GLS016",
                            f"golden case `{raw.name}`: {name} has tol {tol}; a tolerance is a share of the value",
                            "0 or more and less than 1; write 0.01 for one per cent",
                            (*here, "tol"),
                        )
                scalar = self.scalar(value, outputs[name].dtype, here)
                if scalar is not None:
                    expect[name] = Expectation(scalar, tol)
            line, column = self.document.place(path)
            yield GoldenCase(raw.name, given, expect, raw.description, line, column)

    def properties(self, pack: schema.Pack) -> Iterator[Property]:
        for i, raw in enumerate(pack.tests.properties):
            line, column = self.document.place(("tests", "properties", i))
            yield Property(raw.name, raw.rule, raw.tolerance, raw.description, line, column)

    def gwp_set(self, raw: str | None, path: Path) -> str | None:
        """``AR6`` and ``AR6GWP100`` mean the same: the 100-year values of that report."""
        if raw is None:
            return None
        match = re.fullmatch(r"(SAR|TAR|AR[456])(?:[-_ ]?GWP)?[-_ ]?(20|100|500)?", raw.upper())
        if match is None:
            self.add("GLS023", f"`{raw}` is no GWP set", "AR4, AR5 or AR6; AR6GWP100", path)
            return None
        return f"{match[1]}GWP{match[2] or '100'}"


def violates(item: InputSpec, value: Scalar) -> str:
    """Why a value is not allowed for an input, or an empty text."""
    if item.enum and value not in item.enum:
        return f"is none of {', '.join(map(str, item.enum))}"
    usable = item.pattern and isinstance(value, str) and not patterns.problem(item.pattern)  # else reported already
    if usable and not patterns.matches(str(item.pattern), str(value)):
        return f"does not match {item.pattern}"
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        if item.ge is not None and value < item.ge:
            return f"is below {item.ge}"
        if item.gt is not None and value <= item.gt:
            return f"is not above {item.gt}"
        if item.le is not None and value > item.le:
            return f"is above {item.le}"
        if item.lt is not None and value >= item.lt:
            return f"is not below {item.lt}"
    return ""


def _fields_at(path: Path) -> set[str]:
    """The keys that the schema allows at a path."""
    here: Any = schema.Pack
    for part in path:
        model = _model(here)
        if model is not None:
            info = model.model_fields.get(str(part))
            here = info.annotation if info is not None else None
        else:
            here = _inside(here, list if isinstance(part, int) else dict)
    model = _model(here)
    return set(model.model_fields) if model is not None else set()


def _branches(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, unions and notes taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for arg in get_args(annotation):
            yield from _branches(arg)
    else:
        yield annotation


def _inside(annotation: Any, container: type) -> Any:
    """What the list or the mapping holds that the annotation allows."""
    return next((get_args(b)[-1] for b in _branches(annotation) if get_origin(b) is container), None)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation allows, if it allows one."""
    return next((b for b in _branches(annotation) if isinstance(b, type) and issubclass(b, BaseModel)), None)


def _ledger(value: Any, path: Path = ()) -> Iterator[LedgerLine]:
    """One line a leaf key, or one for a whole section that is ignored."""
    here = dotted(path)
    if here in _IGNORED:
        yield LedgerLine(here, "ignored", _IGNORED[here])
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _ledger(inner, (*path, key))
    else:
        yield LedgerLine(here, "used")
