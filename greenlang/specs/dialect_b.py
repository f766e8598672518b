"""Dialect B: ``pack.yaml`` 2.0.0 with ``compute``, and our superset's ``compute.formulas``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from greenlang import units
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.parse import parse as parse_expression
from greenlang.specs import related, schema
from greenlang.specs.base import INSIDE, TYPES, WHOLES, BaseReader, Ports, violates
from greenlang.specs.form import checked, tell
from greenlang.specs.ledger import ledger_of
from greenlang.specs.model import (
    NUMERIC,
    AgentSpec,
    DType,
    Expectation,
    FactorRef,
    FormulaGiven,
    GoldenCase,
    InputSpec,
    OutputSpec,
    Property,
    Scalar,
    UnitFrom,
)
from greenlang.specs.source import Path, dotted
from greenlang.specs.unit_words import certain, nearest, read_unit

UNKNOWN = "?"  # the unit that nobody states


class ReaderB(BaseReader):
    """Reads one file of dialect B."""

    lenient = "error"

    def read(self, data: bytes) -> AgentSpec | None:
        """The spec, however many mistakes it has; None if not even its outline can be made out."""
        self.ledger = ledger_of(schema.Pack, self.document.value)
        self.form = checked(schema.Pack, self.document, self.add)
        pack: schema.Pack | None = self.form.value
        self.unknown_keys()
        if pack is None:
            return None
        if not self.form.touches(("id",)):
            self.check_id(pack.id, ("id",), domain=True)
        if not self.form.touches(("version",)):
            self.check_version(pack.version)
        compute = pack.compute
        if not compute.deterministic:
            self.add(
                "GLS025",
                "a generated agent is deterministic; `deterministic: false` cannot be had",
                "remove it",
                ("compute", "deterministic"),
            )
        self.check_entry(compute.entrypoint, ("compute", "entrypoint"))
        self.check_tools(pack.ai)
        ports = self.ports(compute)
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
            inputs=ports.inputs,
            unused=ports.unused,
            outputs=ports.outputs,
            factors=self.factors(compute),
            formulas=self.formulas(compute, ports),
            golden=tuple(self.cases(pack, ports)),
            properties=tuple(self.properties(pack)),
            gwp_set=self.gwp_set(pack.provenance.gwp_set, ("provenance", "gwp_set")),
            entrypoint=compute.entrypoint,
            timeout_s=compute.timeout_s,
            memory_limit_mb=compute.memory_limit_mb,
            extra={k: v for k in ("ai", "realtime", "security", "metadata") if (v := getattr(pack, k)) is not None},
            raw=data.decode("utf-8-sig"),
            dependencies=tuple(related.needs(self, pack.needs, ("needs",), pack.id)),
            regulations=related.regulations(self, (), pack.regulations),
        )

    def ports(self, compute: schema.Compute) -> Ports:
        """Inputs and outputs."""
        ports = Ports()
        for name, raw in compute.inputs.items():
            item = self.input(name, raw)
            (ports.unused if item.dtype in WHOLES and not item.columns else ports.inputs)[name] = item
        ports.outputs = {n: self.output(n, o) for n, o in compute.outputs.items()}
        if not ports.outputs and not self.form.touches(("compute", "outputs")):
            self.add(
                "GLS011",
                "`compute.outputs` declares no output",
                "declare what the agent computes",
                ("compute", "outputs"),
            )
        self.shared_names(ports, ("compute", "outputs"), "error")
        return ports

    def unit(self, unit: str, dtype: DType, path: Path) -> tuple[str, UnitFrom]:
        """A unit that can be used; ``?`` where nobody states it."""
        here = (*path, "unit")
        if dtype not in NUMERIC:
            if unit.strip() not in {"", "1"}:
                message = f"`{path[-1]}` is a {dtype}; only numbers have a unit"
                self.add("GLS020", message, "remove the unit, or say which number is meant", here, "warning")
            self.ignore(here, "only numbers have a unit")
            return "1", "stated"
        if unit.strip() in {"", UNKNOWN}:
            message = f"nobody states in what `{path[-1]}` is measured"
            self.add("GLS034", message, "state its unit; until then nothing is computed with it", here, "info")
            return "", ""
        if certain(unit):
            return unit, "stated"
        try:
            units.parse_unit(unit)
        except UnitError as error:
            found = read_unit(unit).unit
            if found:
                message = f"the unit `{unit}` of `{path[-1]}` is read as {found}"
                self.add("GLS033", message, "nothing to do; `--fix` writes it so", here, "info")
                return found, "stated"
            near = nearest(unit) if "unknown" in str(error) else ""
            hint = f"did you mean `{near}`?" if near else "examples: kWh, kgCO2e, m^3, kgCO2e/kWh, tonne_km, 1"
            self.add("GLS020", str(error), hint, here)
        return unit, "stated"

    def input(self, name: str, raw: schema.Input) -> InputSpec:
        """One entry of ``compute.inputs``."""
        path: Path = ("compute", "inputs", name)
        dtype = TYPES[raw.dtype]
        if dtype in WHOLES:
            self.name(name, path)
            return self.table(name, raw, path) if raw.columns else self.left_out(name, raw, path)
        item = self.single(name, raw, path)
        if raw.columns is not None:
            message = f"`{name}` is a {raw.dtype}; only a list has columns"
            self.add("GLS012", message, "write `dtype: list`, or remove the columns", (*path, "columns"))
        default = self.scalar(raw.default, dtype, (*path, "default"))
        if raw.required and "required" in raw.model_fields_set and raw.default is not None:
            message = f"`{name}` is required and has a default: it may be left out"
            self.add("GLS019", message, "keep one of the two", (*path, "required"), "warning")
        item = replace(item, required=raw.required and raw.default is None, default=default)
        self.check_input(item, path)
        return item

    def single(self, name: str, raw: schema.Input | schema.Column, path: Path) -> InputSpec:
        """What an input and a column of a table have in common; its bounds are not yet checked."""
        self.name(name, path)
        dtype = TYPES[raw.dtype]
        if raw.enum == []:
            self.add("GLS012", f"the enum of `{name}` lists no value", "list values or remove it", (*path, "enum"))
        unit, unit_from = self.unit(raw.unit, dtype, path)
        return InputSpec(
            name=name,
            dtype=dtype,
            unit=unit,
            ge=raw.ge,
            gt=raw.gt,
            le=raw.le,
            lt=raw.lt,
            enum=tuple(self.enum(raw.enum or (), dtype, (*path, "enum"))),
            pattern=raw.pattern,
            description=" ".join(raw.description.split()),
            unit_from=unit_from,
        )

    def table(self, name: str, raw: schema.Input, path: Path) -> InputSpec:
        """A list of rows with declared columns, over which formulas sum."""
        for key in raw.model_fields_set - {"dtype", "columns", "description", "required", "unit"}:
            message = f"`{name}` is a table: `{key}` says nothing of it"
            self.add("GLS012", message, "declare it in a column, or remove it", (*path, key))
        self.ignore((*path, "unit"), "the columns of a table have units")
        columns: list[InputSpec] = []
        for key, column in (raw.columns or {}).items():
            here = (*path, "columns", key)
            if TYPES[column.dtype] in WHOLES:
                message = f"`{key}` is a {column.dtype}; a column holds a number, a text or a truth value"
                self.add("GLS012", message, "split it into columns", (*here, "dtype"))
                continue
            item = self.single(key, column, here)
            if item.numeric and not item.unit:
                message = f"nobody states in what the column `{key}` of `{name}` is measured"
                self.add("GLS020", message, 'state its unit; `unit: "1"` for a pure number', (*here, "unit"))
            self.check_input(item, here)
            columns.append(item)
        about = " ".join(raw.description.split())
        return InputSpec(name, "list", required=raw.required, description=about, columns=tuple(columns))

    def left_out(self, name: str, raw: schema.Input, path: Path) -> InputSpec:
        """A list or an object without columns: nothing is computed with it."""
        dtype = TYPES[raw.dtype]
        for key in self.at(path):
            if key not in {"dtype", "description"}:
                self.ignore((*path, key), INSIDE)
        self.add(
            "GLS017",
            f"input `{name}` is {'an object' if dtype == 'object' else 'a list'}; "
            "an agent takes numbers, texts, truth values and tables",
            "split it into single inputs, or give a list its `columns`; it is left out",
            (*path, "dtype"),
            "warning",
        )
        required = raw.required and raw.default is None
        return InputSpec(name, dtype, required=required, description=" ".join(raw.description.split()))

    def output(self, name: str, raw: schema.Output) -> OutputSpec:
        """One entry of ``compute.outputs``."""
        path: Path = ("compute", "outputs", name)
        self.name(name, path)
        dtype = TYPES[raw.dtype]
        unit, unit_from = self.unit(raw.unit, dtype, path)
        values = tuple(self.enum(raw.enum or (), dtype, (*path, "enum"))) if dtype not in WHOLES else ()
        if dtype in WHOLES:
            self.ignore((*path, "enum"), INSIDE)
        return OutputSpec(name, dtype, unit, " ".join(raw.description.split()), unit_from, values)

    def factors(self, compute: schema.Compute) -> dict[str, FactorRef]:
        """The references."""
        out: dict[str, FactorRef] = {}
        raw = compute.factors
        items: list[tuple[Path, str | None, schema.Reference]] = []
        if isinstance(raw, dict):
            items = [(("compute", "factors", a), a, r) for a, r in raw.items()]
        elif isinstance(raw, list):
            items = [(("compute", "factors", i), r.name, r) for i, r in enumerate(raw)]
        for path, alias, ref in items:
            if self.form.touches((*path, "ref")):
                continue
            gwp_set = self.gwp_set(ref.gwp_set, (*path, "gwp_set"))
            self.reference(out, ref.ref, path, alias=alias, gwp_set=gwp_set, description=ref.description)
        return out

    def formulas(self, compute: schema.Compute, ports: Ports) -> dict[str, FormulaGiven]:
        """The formulas that the spec itself gives."""
        out: dict[str, FormulaGiven] = {}
        for name, raw in compute.formulas.items():
            path: Path = ("compute", "formulas", name)
            if self.form.touches(path):
                continue
            if name not in ports.outputs and not self.form.touches(("compute", "outputs")):
                near = get_close_matches(name, ports.outputs, n=1)
                hint = f"did you mean `{near[0]}`?" if near else "declare it under `compute.outputs`"
                self.add("GLS040", f"a formula is given for `{name}`, which is no output", hint, path)
            given = schema.GivenFormula(expression=raw) if isinstance(raw, str) else raw
            if (given.expression is None) == (given.formula is None):
                message = f"the formula of `{name}` needs either `expression` or `formula`"
                self.add("GLS040", message, "give one", path)
                continue
            if given.bind and given.formula is None:
                self.add("GLS040", "`bind` goes with `formula`", "remove it", (*path, "bind"))
            if given.output and given.formula is None:
                self.add("GLS040", "`output` goes with `formula`", "remove it", (*path, "output"))
            for where, text in [(path, given.expression), *(((*path, "bind", k), v) for k, v in given.bind.items())]:
                if text is not None:
                    check_expression(self, text, where)
            line, column = self.document.place(path)
            bind = tuple(given.bind.items())
            out[name] = FormulaGiven(name, given.expression, given.formula, given.output, bind, line, column)
        return out

    def cases(self, pack: schema.Pack, ports: Ports) -> Iterator[GoldenCase]:
        """The golden cases."""
        if self.form.touches(("compute", "inputs")) or self.form.touches(("compute", "outputs")):
            return  # what is declared is not known, so nothing can be said of the cases
        for i, raw in enumerate(pack.tests.golden):
            path: Path = ("tests", "golden", i)
            if any(self.form.replaced(p) for p in (path, (*path, "input"), (*path, "expect"))):
                continue
            case = f"golden case `{raw.name}`"
            given = self.case_input(case, raw.input, ports, (*path, "input")) or {}
            expect: dict[str, Expectation] = {}
            for name, value in raw.expect.items():
                here = (*path, "expect", name)
                if name not in ports.outputs:
                    self.add("GLS016", f"{case} expects `{name}`, which is no output", "remove it", here)
                elif (found := self.expectation(case, name, value, ports.outputs[name], here)) is not None:
                    expect[name] = found
            line, column = self.document.place(path)
            yield GoldenCase(raw.name, given, expect, raw.description, line, column)

    def expectation(self, case: str, name: str, value: Any, out: OutputSpec, path: Path) -> Expectation | None:
        """What a case expects of one output: a value, or ``{value, tol}``."""
        tol = None
        if isinstance(value, dict):
            try:
                long = schema.Expected.model_validate(value)
            except ValidationError as error:
                for problem in error.errors(include_url=False):
                    tell(self.add, schema.Expected, problem, problem["loc"], value, path)
                return None
            value, tol = long.value, long.tol
            if tol is not None and not 0 <= tol < 1:
                self.add(
                    "GLS016",
                    f"{case}: {name} has tol {tol}; a tolerance is a share of the value",
                    "0 or more and less than 1; write 0.01 for one per cent",
                    (*path, "tol"),
                )
        if out.dtype in {"list", "object"}:
            self.ignore(path, INSIDE)
            return None
        scalar: Scalar | None = self.scalar(value, out.dtype, path)
        return Expectation(scalar, tol) if scalar is not None else None

    def properties(self, pack: schema.Pack) -> Iterator[Property]:
        """The declared invariants."""
        for i, raw in enumerate(pack.tests.properties):
            if self.form.touches(("tests", "properties", i)):
                continue
            line, column = self.document.place(("tests", "properties", i))
            yield Property(raw.name, raw.rule, raw.tolerance, raw.description, line, column)


def check_expression(reader: BaseReader, text: str, path: Path) -> None:
    """An expression that can be parsed; a finding with a mark where it cannot."""
    try:
        parse_expression(text)
    except FormulaError as error:
        at = (
            f"{text[: error.offset]}»{text[error.offset :]}"
            if len(text) < 200
            else text[error.offset : error.offset + 40]
        )
        reader.add("GLS040", f"`{dotted(path)}`: {error}", f"at the mark »: {at}", path)


__all__ = ["ReaderB", "check_expression", "violates"]
