"""Overlays: what a reviewer adds to an author's spec without touching the author's file.

``<spec>.overlay.yaml`` beside ``<spec>.yaml`` may state units, give formulas and references, set worked examples aside
and leave outputs out, each with its reason or source. Belongs here: reading it and merging it into the model. Does not
belong here: whether its formulas fit (``greenlang.resolution``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from greenlang.formulas.parse import parse as parse_expression
from greenlang.specs.base import BaseReader
from greenlang.specs.diagnostics import Diagnostic, has_errors
from greenlang.specs.dialect_b import check_expression
from greenlang.specs.form import AnyText, Closed, Whole, checked
from greenlang.specs.model import (
    AgentSpec,
    FactorRef,
    FormulaGiven,
    GoldenCase,
    InputSpec,
    OutputSpec,
    OverlayInfo,
)
from greenlang.specs.shapes import Reference
from greenlang.specs.source import MAX_BYTES, Document, Path, parse
from greenlang.specs.tables import accounted, as_inputs, summed
from greenlang.specs.unit_words import read_unit


class Meant(Closed):
    """``spec``: the spec that the overlay is for."""

    id: str
    version: str
    sha256: str | None = None


class Reviewed(Closed):
    """``reviewed``."""

    by: AnyText
    on: AnyText = ""


class Proposed(Closed):
    """One entry of ``proposed``: which model drafted the overlay, as the factory wrote it (`greenlang.llm.disclosing`).

    A reviewer leaves it as it is: the pack and its certificate tell it.
    """

    provider: AnyText
    model: AnyText
    prompt: AnyText
    request_digest: AnyText
    requested: dict[str, AnyText] = Field(default_factory=dict)
    accepted: dict[str, AnyText] = Field(default_factory=dict)
    dropped: dict[str, AnyText] = Field(default_factory=dict)
    fingerprint: AnyText = ""
    price_map_digest: AnyText = ""
    prompt_tokens: Whole = 0
    completion_tokens: Whole = 0
    recorded_cost_usd: AnyText = "0"
    fallbacks: list[AnyText] = Field(default_factory=list)
    reasks: Whole = 0


class LongFormula(Closed):
    """A formula: an expression with its source, or a library formula, which carries its own citation."""

    expression: str | None = None
    formula: str | None = None
    output: str = ""
    bind: dict[str, str] = Field(default_factory=dict)
    source: AnyText = ""


def _form(value: object) -> str:
    return "<long>" if isinstance(value, dict | LongFormula) else "<text>"


Formula = Annotated[Annotated[str, Tag("<text>")] | Annotated[LongFormula, Tag("<long>")], Discriminator(_form)]


class Overlay(Closed):
    """A whole overlay file. A name is ``output`` in a flat spec and ``part.output`` in one with parts."""

    overlay: Literal[1]
    spec: Meant
    reviewed: Reviewed
    proposed: list[Proposed] = Field(default_factory=list)
    units: dict[str, AnyText] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    factors: dict[str, Reference] = Field(default_factory=dict)
    formulas: dict[str, Formula] = Field(default_factory=dict)
    set_aside: dict[str, AnyText] = Field(default_factory=dict)
    leave_out: dict[str, AnyText] = Field(default_factory=dict)


def overlay_name(spec_name: str) -> str:
    """What the overlay of a spec file is called: ``boiler.pack.yaml`` -> ``boiler.pack.overlay.yaml``."""
    return f"{PurePath(spec_name).stem}.overlay.yaml"


def is_overlay(name: str) -> bool:
    """Whether a file name is that of an overlay."""
    return name.endswith((".overlay.yaml", ".overlay.yml"))


def addressee(data: bytes, *, max_bytes: int = MAX_BYTES) -> tuple[Meant | None, tuple[Diagnostic, ...]]:
    """Which spec an overlay says it is for; None if its form is wrong. Whether it fits that spec, `apply` tells."""
    document = parse(data, max_bytes=max_bytes)
    reader = BaseReader(document)
    reader.findings.extend(document.diagnostics)
    raw: Overlay | None = None
    if isinstance(document.value, dict) and "overlay" not in document.value:
        hint = "an overlay begins with `overlay: 1`; the name of a spec does not end in .overlay.yaml"
        reader.add("GLS011", "this is no overlay: `overlay` is missing", hint, ())
    elif isinstance(document.value, dict):
        raw = checked(Overlay, document, reader.add).value
    if raw is not None and not has_errors(reader.findings):
        reader.check_id(raw.spec.id, ("spec", "id"))
        reader.check_version(raw.spec.version, ("spec", "version"))
    findings = tuple(sorted(set(reader.findings), key=lambda d: (d.line, d.column, d.code, d.message)))
    return (None if raw is None or has_errors(findings) else raw.spec), findings


def apply(spec: AgentSpec, data: bytes, name: str) -> tuple[AgentSpec, tuple[Diagnostic, ...]]:
    """Merge an overlay into a spec; its findings stand at the overlay's own lines, with the file named."""
    document = parse(data)
    reader = _OverlayReader(document, spec)
    reader.findings.extend(document.diagnostics)
    if isinstance(document.value, dict):
        spec = reader.merged(data, name)
    ordered = sorted(set(reader.findings), key=lambda d: (d.line, d.column, d.code, d.message))
    return spec, tuple(replace(d, file=name) for d in ordered)


@dataclass
class _Changes:
    """What an overlay says of one part."""

    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    formulas: dict[str, FormulaGiven] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)
    leave_out: dict[str, str] = field(default_factory=dict)


class _OverlayReader(BaseReader):
    def __init__(self, document: Document, spec: AgentSpec) -> None:
        super().__init__(document)
        self.spec = spec
        self.parts = spec.parts or (spec,)
        self.changes = {part.part: _Changes() for part in self.parts}
        self.tables: dict[str, set[str]] = {}  # by the place of a part: its lists that became tables

    def merged(self, data: bytes, name: str) -> AgentSpec:
        raw: Overlay | None = checked(Overlay, self.document, self.add).value
        if raw is None or has_errors(self.findings):
            return self.spec
        self.for_this_spec(raw.spec)
        if not raw.reviewed.by.strip():
            self.add(
                "GLS082", "nobody has reviewed the overlay", "write who: `reviewed: {by: ..., on: ...}`", ("reviewed",)
            )
        self.each(raw.units, "units", _ports, self.unit)
        self.each(raw.names, "names", None, self.bound_name)
        self.each(raw.formulas, "formulas", lambda p: p.outputs, self.formula)
        self.each(raw.set_aside, "set_aside", lambda p: {c.name: c for c in p.golden}, self.reason)
        self.each(raw.leave_out, "leave_out", lambda p: p.outputs, self.reason)
        factors = self.factors(raw.factors)
        left_out = {
            f"{part}.{output}" if part else output: why
            for part, changes in self.changes.items()
            for output, why in changes.leave_out.items()
        }
        names = {
            f"{part}.{symbol}" if part else symbol: to
            for part, changes in self.changes.items()
            for symbol, to in changes.names.items()
        }
        drafts = tuple(draft.model_dump() for draft in raw.proposed)
        text = data.decode("utf-8-sig")
        digest = hashlib.sha256(data).hexdigest()
        info = OverlayInfo(name, digest, raw.reviewed.by, raw.reviewed.on, left_out, names, drafts, raw=text)
        return self.accounted(self.result(info, factors))

    def accounted(self, spec: AgentSpec) -> AgentSpec:
        """The columns and rows of a list that became a table are used now."""
        ledger = spec.ledger
        for home, tables in self.tables.items():
            ledger = accounted(ledger, home, tables)
        return replace(spec, ledger=ledger)

    def for_this_spec(self, meant: Meant) -> None:
        """The overlay is for this spec, this version, and, if it says so, these bytes."""
        for key, said, found in (
            ("id", meant.id, self.spec.agent_id),
            ("version", meant.version, self.spec.version),
            ("sha256", meant.sha256, self.spec.digest),
        ):
            if said is not None and said != found:
                self.add(
                    "GLS080",
                    f"the overlay is for {key} `{said}`, the spec has `{found}`",
                    "review it again for this spec, then mend the overlay",
                    ("spec", key),
                )

    def each(
        self,
        entries: Mapping[str, Any],
        section: str,
        known: Callable[[AgentSpec], Iterable[str]] | None,
        take: Callable[[AgentSpec, str, Any, Path], None],
    ) -> None:
        """Hand every entry of a section to the part that it names; say which names nothing."""
        for key, value in entries.items():
            path: Path = (section, key)
            found = self.target(key, known)
            if found is None:
                names = [f"{p.part}.{n}" if p.part else n for p in self.parts for n in (known(p) if known else ())]
                near = get_close_matches(key, names, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names[:8]) or 'nothing'}"
                self.add("GLS081", f"the spec has no `{key}` for `{section}`", hint, path)
            else:
                take(*found, value, path)

    def target(self, key: str, known: Callable[[AgentSpec], Iterable[str]] | None) -> tuple[AgentSpec, str] | None:
        """The part and the name in it."""
        for part in self.parts:
            name = key.removeprefix(f"{part.part}.") if part.part else key
            if (not part.part or key.startswith(f"{part.part}.")) and (known is None or name in known(part)):
                return part, name
        return None

    def unit(self, part: AgentSpec, name: str, value: str, path: Path) -> None:
        """A unit for an input or an output (both, where they share the name)."""
        found = read_unit(value)
        if not found.unit:
            self.add("GLS020", f"unit `{value}`: {found.doubt}", "examples: kWh, kgCO2e, m^3, kgCO2e/kWh", path)
            return
        self.changes[part.part].units[name] = found.unit

    def bound_name(self, part: AgentSpec, name: str, value: str, path: Path) -> None:
        """What a symbol of the author's prose stands for."""
        if value not in _ports(part):
            near = get_close_matches(value, _ports(part), n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(_ports(part))}"
            self.add("GLS081", f"`{value}` is neither an input nor an output", hint, path)
            return
        self.changes[part.part].names[name] = value

    def formula(self, part: AgentSpec, name: str, value: str | LongFormula, path: Path) -> None:
        """A formula with its source."""
        given = LongFormula(expression=value) if isinstance(value, str) else value
        if (given.expression is None) == (given.formula is None):
            self.add("GLS040", f"the formula of `{name}` needs either `expression` or `formula`", "give one", path)
            return
        if given.bind and given.formula is None:
            self.add("GLS040", "`bind` goes with `formula`", "remove it", (*path, "bind"))
        if given.output and given.formula is None:
            self.add("GLS040", "`output` goes with `formula`", "remove it", (*path, "output"))
        if given.expression is not None and not given.source.strip():
            self.add(
                "GLS082",
                f"the formula of `{name}` has no source",
                "write {expression: ..., source: document, page}",
                path,
            )
        for where, text in [(path, given.expression), *(((*path, "bind", k), v) for k, v in given.bind.items())]:
            if text is not None:
                check_expression(self, text, where)
        self.changes[part.part].formulas[name] = FormulaGiven(
            name,
            given.expression,
            given.formula,
            given.output,
            tuple(given.bind.items()),
            *self.document.place(path),
            means="overlay",
            source=given.source,
        )

    def reason(self, part: AgentSpec, name: str, value: str, path: Path) -> None:
        """A reason for which a case or an output is left out."""
        if not value.strip():
            self.add("GLS082", f"`{name}` is left out without a reason", "say why", path)
        target = self.changes[part.part]
        (target.set_aside if path[0] == "set_aside" else target.leave_out)[name] = value

    def factors(self, raw: Mapping[str, Reference]) -> dict[str, FactorRef]:
        """References that the overlay adds, or puts in the place of the author's."""
        out: dict[str, FactorRef] = {}
        for alias, ref in raw.items():
            path: Path = ("factors", alias)
            gwp_set = self.gwp_set(ref.gwp_set, (*path, "gwp_set"))
            self.reference(out, ref.ref, path, alias=alias, gwp_set=gwp_set, description=ref.description, overlay=True)
        return out

    # --- the merged spec ------------------------------------------------------------------------------------------

    def result(self, info: OverlayInfo, factors: Mapping[str, FactorRef]) -> AgentSpec:
        changed = [self.part(p, info, factors) for p in self.parts]
        if not self.spec.parts:
            if not changed[0].outputs:
                self.add("GLS027", "the overlay leaves every output out", "keep one", ("leave_out",))
            return changed[0]
        left = tuple(p for p in changed if p.outputs)
        if not left:
            self.add("GLS027", "the overlay leaves every output out", "keep one", ("leave_out",))
        whole = replace(self.spec, factors={**self.spec.factors, **factors}, overlay=info)
        return replace(whole, parts=left)

    def summed(self, change: _Changes) -> dict[str, frozenset[str]]:
        """The lists that the overlay's formulas sum over, with the columns: those are inputs of the agent now."""
        texts = [text for f in change.formulas.values() for text in (f.expression, *dict(f.bind).values()) if text]
        return summed(map(parse_expression, texts)) if not has_errors(self.findings) else {}

    def part(self, part: AgentSpec, info: OverlayInfo, factors: Mapping[str, FactorRef]) -> AgentSpec:
        """One part with its changes."""
        change = self.changes[part.part]
        outputs = {
            n: replace(o, unit=change.units[n], unit_from="overlay") if n in change.units else o
            for n, o in part.outputs.items()
            if n not in change.leave_out
        }
        inputs = {
            n: replace(i, unit=change.units[n], unit_from="overlay") if n in change.units else i
            for n, i in part.inputs.items()
        }
        whole = as_inputs(replace(part, inputs=inputs), self.summed(change))
        self.tables[part.home] = whole.inputs.keys() - inputs.keys()
        return replace(
            whole,
            outputs=outputs,
            factors={**part.factors, **factors},
            formulas={**part.formulas, **change.formulas},
            golden=tuple(_without(case, change, outputs) for case in whole.golden),
            overlay=info,
        )


def _without(case: GoldenCase, change: _Changes, outputs: Mapping[str, OutputSpec]) -> GoldenCase:
    return replace(
        case,
        expect={n: e for n, e in case.expect.items() if n in outputs},
        limits=tuple(limit for limit in case.limits if limit.output in outputs),
        set_aside=change.set_aside.get(case.name, case.set_aside),
    )


def _ports(part: AgentSpec) -> dict[str, InputSpec | OutputSpec]:
    return {**part.inputs, **part.outputs}
