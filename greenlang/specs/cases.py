"""Golden cases, properties and references of the dialects A, C and D.

What does not fit there is told and left out, where dialect B refuses it: these files are written by hand, for readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from greenlang.specs import patterns, shapes
from greenlang.specs.base import INSIDE, WHOLES, Ports
from greenlang.specs.model import (
    AgentSpec,
    Expectation,
    FactorRef,
    GoldenCase,
    Limit,
    OutputSpec,
    Property,
)
from greenlang.specs.parameters import ParameterReader
from greenlang.specs.source import Path, dotted

_LIMITS = {"min": "ge", "ge": "ge", "minimum": "ge", "max": "le", "le": "le", "maximum": "le", "pattern": "matches"}


class LooseReader(ParameterReader):
    """Reads what dialects A, C and D say beside inputs and outputs."""

    def claimed_references(self, raw: Any, path: Path) -> dict[str, FactorRef]:
        """The references of dialects A, C and D: a list, or a mapping from aliases."""
        out: dict[str, FactorRef] = {}
        items: list[tuple[Path, str | None, shapes.ClaimedReference]] = []
        if isinstance(raw, dict):
            items = [((*path, a), a, r) for a, r in raw.items()]
        elif isinstance(raw, list):
            items = [((*path, i), r.name, r) for i, r in enumerate(raw)]
        for here, alias, ref in items:
            for key in ("value", "unit"):
                if getattr(ref, key) is not None:
                    self.ignore((*here, key), shapes.FIGURES.reason)
            self.reference(
                out,
                ref.ref,
                here,
                alias=alias,
                region=ref.region or "",
                gwp_set=self.gwp_set(ref.gwp_set, (*here, "gwp_set")),
                description=ref.description,
                value=ref.value,
                unit=ref.unit or "",
            )
        return out

    def case_expect(
        self, case: str, raw: Mapping[str, Any], ports: Ports, path: Path, tolerance: Any = None
    ) -> tuple[dict[str, Expectation], list[Limit]]:
        """What a case of dialect C or D expects: values, or limits (``x_min``, ``x_max``, ``x_format``, {min, max})."""
        expect: dict[str, Expectation] = {}
        limits: list[Limit] = []
        for name, value in raw.items():
            here = (*path, name)
            output, kind = limit_of(name, ports.outputs)
            if output not in ports.outputs:
                what = ", which is an input and no output" if name in ports.inputs else ", which is no output"
                self.add("GLS016", f"{case} expects `{name}`{what}", "remove it", here, self.lenient)
                self.ignore(here, "no output of that name")
            elif ports.outputs[output].dtype in WHOLES:
                self.ignore(here, INSIDE)
            elif kind or (isinstance(value, dict) and "value" not in value):
                limits += self._limits(case, output, {kind: value} if kind else value, here, ports)
            else:
                found = self._expected(case, name, value, ports.outputs[name], here, tolerance)
                if found is not None:
                    expect[name] = found
        return expect, limits

    def _limits(self, case: str, output: str, raw: Mapping[str, Any], path: Path, ports: Ports) -> Iterator[Limit]:
        place = self.document.place(path)
        for key, value in raw.items():
            kind = _LIMITS.get(key)
            numeric = ports.outputs[output].numeric
            if kind in {"ge", "le"} and numeric and isinstance(value, int | Decimal) and not isinstance(value, bool):
                yield Limit(output, kind, Decimal(value), *place)  # type: ignore[arg-type]
            elif kind == "matches" and isinstance(value, str) and not patterns.problem(value):
                yield Limit(output, "matches", value, *place)
            else:
                self.add(
                    "GLS016", f"{case}: `{key}` of `{output}` is no limit", "a number, or a pattern", path, self.lenient
                )

    def _expected(
        self, case: str, name: str, value: Any, out: OutputSpec, path: Path, tolerance: Any
    ) -> Expectation | None:
        tol = within = None
        if isinstance(value, dict):
            tol = value.get("tol", value.get("tolerance"))
            at_value: Path = (*path, "value")
            for key in value:
                if key not in {"value", "tol", "tolerance"}:
                    self.add("GLS010", f"unknown key `{key}`", "known here: tol, tolerance, value", (*path, key))
            value = value["value"]
            if tol is not None and (isinstance(tol, bool) or not isinstance(tol, int | Decimal) or not 0 <= tol < 1):
                self.add(
                    "GLS016",
                    f"{case}: {name} has tol {tol}; a tolerance is a share of the value",
                    "0 or more and less than 1; write 0.01 for one per cent",
                    (*path, "tol"),
                )
                tol = None
        else:
            at_value = path
        if isinstance(tolerance, int | Decimal) and not isinstance(tolerance, bool):
            within = Decimal(tolerance)
        scalar = self.scalar(value, out.dtype, at_value, self.lenient)
        if scalar is None:
            return None
        if within is not None and out.numeric and scalar:
            tol = (within / abs(Decimal(scalar))).normalize() if not isinstance(scalar, str) else None
        place = self.document.place(path)
        return Expectation(scalar, Decimal(tol) if tol is not None else None, *place, within=within)

    def golden(self, raw: shapes.LooseGolden, ports: Ports, path: Path) -> GoldenCase | None:
        """A golden case of dialect C or D; ``tolerance`` is in the output's own unit."""
        case = f"golden case `{raw.name}`"
        given = self.case_input(case, raw.input, ports, (*path, "input"))
        expect: dict[str, Expectation] = {}
        limits: list[Limit] = []
        tolerances = raw.tolerance if isinstance(raw.tolerance, dict) else {}
        for name in raw.expect:
            tolerance = tolerances.get(name) if isinstance(raw.tolerance, dict) else raw.tolerance
            one, some = self.case_expect(case, {name: raw.expect[name]}, ports, (*path, "expect"), tolerance)
            expect |= one
            limits += some
        if raw.tolerance == {}:
            self.ignore((*path, "tolerance"), "no tolerance")
        for name in tolerances:
            if name not in expect:
                self.ignore((*path, "tolerance", name), "a tolerance without a value that is expected")
        if given is None:
            self.ignore(path, "the case cannot be run: its inputs do not fit")
            return None
        place = self.document.place(path)
        tables = self.case_tables(raw.input, ports, (*path, "input"))
        return GoldenCase(raw.name, given, expect, raw.description, *place, limits=tuple(limits), tables=tables)

    def with_tests(self, parts: list[AgentSpec], tests: shapes.LooseTests | None) -> list[AgentSpec]:
        """Golden cases and properties go to the tool or agent that they name, or to every one that they fit."""
        cases: dict[str, list[GoldenCase]] = {p.part: [] for p in parts}
        rules: dict[str, list[Property]] = {p.part: [] for p in parts}
        for i, case in enumerate(tests.golden if tests is not None else ()):
            path: Path = ("tests", "golden", i)
            for part in self.fitting(parts, case.tool or case.agent, set(case.input) | set(case.expect), path):
                found = self.golden(case, Ports(part.inputs, part.unused, part.outputs), path)
                cases[part.part] += [found] if found is not None else []
        for i, rule in enumerate(tests.properties if tests is not None else ()):
            told = self.property(rule, ("tests", "properties", i))
            words = set(re.findall(r"\b(?:input|output)\.([a-z_][a-z0-9_]*)", told.rule))
            for part in self.fitting(parts, rule.tool or rule.agent, words, ("tests", "properties", i)):
                rules[part.part].append(told)
        return [
            replace(p, golden=(*p.golden, *cases[p.part]), properties=(*p.properties, *rules[p.part])) for p in parts
        ]

    def fitting(self, parts: list[AgentSpec], named: str | None, words: set[str], path: Path) -> list[AgentSpec]:
        """The parts that a test is meant for."""
        if len(parts) == 1:
            return parts
        if named is not None:
            fits = [p for p in parts if p.part == part_name(named)]
        else:
            fits = [p for p in parts if words <= p.inputs.keys() | p.unused.keys() | p.outputs.keys()]
        if not fits:
            what = f"`{named}`, which is no tool or agent of the file" if named else "names of no single tool or agent"
            self.add("GLS016", f"`{dotted(path)}` is about {what}", "say which it is meant for", path, "warning")
            self.ignore(path, "it fits no tool or agent of the file")
        return fits

    def property(self, raw: shapes.LooseProperty, path: Path) -> Property:
        """A property of dialect A, C or D: ``outputs.x`` there is ``output.x`` here."""
        rule = re.sub(r"\b(input|output)s\.(?=[A-Za-z_])", r"\1.", raw.rule)
        return Property(raw.name, rule, raw.tolerance, raw.description, *self.document.place(path))


def part_name(title: str) -> str:
    """What a tool or an agent is called in code."""
    return re.sub(r"[^a-z0-9_]+", "_", title.lower()).strip("_")


def limit_of(name: str, outputs: Mapping[str, OutputSpec]) -> tuple[str, str]:
    """``x_min`` of a golden case is a limit of the output x, unless there is an output of that very name."""
    if name not in outputs:
        for suffix, kind in (("_min", "min"), ("_max", "max"), ("_format", "pattern"), ("_pattern", "pattern")):
            if name.endswith(suffix) and name.removesuffix(suffix) in outputs:
                return name.removesuffix(suffix), kind
    return name, ""


def written_tolerance(value: Decimal | int) -> Decimal | None:
    """The share by which a figure in a worked example may be off because it was rounded for print.

    Half a unit of its last written digit. Zeros at the end of a whole number may be written or rounded: half a unit of
    the last digit that is not zero, but never more than a thousandth. Nothing for zero.
    """
    number = Decimal(value)
    if not number:
        return None
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(min(exponent, 0) - 1)
    if exponent >= 0:
        last = number.normalize().as_tuple().exponent
        assert isinstance(last, int)
        half = max(half, min(Decimal(5).scaleb(last - 1), abs(number) / 1000))
    share = half / abs(number)
    return share.quantize(Decimal(1).scaleb(share.adjusted() - 5)).normalize()
