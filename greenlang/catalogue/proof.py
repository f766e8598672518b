"""Whether a template is good: its spec reads, resolves and is proved, for every region and sector served.

Findings stand at the template's own lines; what is found for some regions only says for which. A template is good
without errors and without warnings: only GLS043 (a temperature in degC in a product) may stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from greenlang.catalogue.filling import Filled, Problem, fill
from greenlang.catalogue.naming import head, spec_text
from greenlang.catalogue.reading import read
from greenlang.catalogue.schema import OTHERS
from greenlang.catalogue.template import Template
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.factors.table import FactorTable
from greenlang.formulas.library import FormulaLibrary
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read as read_spec
from greenlang.specs.source import Document, Path, dotted, parse

ALLOWED = frozenset({"GLS043"})
LEAST_VECTORS = 2
MAX_DIGITS = 40  # after the point: more than a written number has
Place = tuple[str, str]  # region and sector; empty for the spec as it stands


@dataclass(frozen=True, slots=True)
class Checked:
    """One file after its check. ``served`` counts the regions; ``variants`` the specs that were made of it."""

    file: FilePath
    template: Template | None
    findings: tuple[Diagnostic, ...]
    served: int = 0
    variants: int = 0

    @property
    def good(self) -> bool:
        """Whether agents may be made from it."""
        return self.template is not None and all(f.code in ALLOWED for f in self.findings)


def check_files(
    files: Iterable[FilePath], table: FactorTable, library: FormulaLibrary, *, every: bool = True
) -> Iterator[Checked]:
    """Check each file; a name that stands twice among them is a finding at the later one."""
    seen: dict[str, FilePath] = {}
    for path in files:
        template, findings = read(path.read_bytes(), path)
        if template is None:
            yield Checked(path, None, findings)
            continue
        if template.name in seen:
            line, column = template.document.place(("name",))
            message = f"`{template.name}` stands in {seen[template.name]} as well"
            findings += (Diagnostic("GLT005", "error", message, "rename one", line, column, "name"),)
        seen.setdefault(template.name, path)
        found, variants = prove(template, table, library, every=every)
        yield Checked(path, template, _ordered([*findings, *found]), len(regions_served(template)), variants)


def regions_served(template: Template) -> list[str]:
    """The regions of the catalogue that the template serves."""
    return [r for r in vocabulary().regions if not template.region(r).refuse]


def places(template: Template, *, every: bool = True) -> list[Place]:
    """The combinations to prove: the spec as it stands, every region, every sector that changes something.

    With ``every``, each of these sectors in each region; else in the first region served.
    """
    regions = regions_served(template)
    sectors = [s for s, c in template.declared.sectors.items() if s != OTHERS and not c.refuse]
    own = template.declared.sectors.get(OTHERS)
    if own is not None and not own.refuse:
        domain = vocabulary().domains.get(template.domain)
        sectors += [s for s in (domain.sectors if domain else ()) if s not in template.declared.sectors][:1]
    return [
        ("", ""),
        *((r, "") for r in regions),
        *((r, s) for s in sectors for r in (regions if every else regions[:1])),
    ]


def prove(
    template: Template, table: FactorTable, library: FormulaLibrary, *, every: bool = True
) -> tuple[tuple[Diagnostic, ...], int]:
    """Findings of every combination, and how many specs were made."""
    findings: list[Diagnostic] = [*_golden(template), *_properties(template)]
    met: dict[Diagnostic, list[Place]] = {}
    tried = places(template, every=every)
    good: set[str] = set()
    for region, sector in tried:
        filled, problems = fill(template, table, region=region, sector=sector)
        found = _as_findings(template, problems) or _of_spec(filled, table, library, good)
        for finding in found:
            met.setdefault(finding, []).append((region, sector))
    findings += [_told(finding, where, tried) for finding, where in met.items()]
    return _ordered(findings), len(tried)


def _of_spec(filled: Filled, table: FactorTable, library: FormulaLibrary, good: set[str]) -> Iterable[Diagnostic]:
    """What reading and resolving the filled spec finds, each at its place in the template.

    ``good`` are texts, all below the head of a spec, that were resolved and proved without a finding: most regions and
    sectors change only the head, which resolving a spec that gives all its formulas does not ask for.
    """
    data = spec_text(filled, head(filled)).encode()
    spec, findings = read_spec(data, filled.template.file)
    found = list(findings)
    if spec is not None and filled.text not in good:
        resolution = resolve(spec, table, library)
        found += resolution.diagnostics
        found += [
            Diagnostic(
                "GLT009", "error", f"no plan for `{m.output}`: {m.reason}", _all(m.candidates), *_at(spec, m.output)
            )
            for m in resolution.missing
        ]
        if not found and resolution.complete:
            found += _to_the_digit(spec, resolution)
        if not found and resolution.complete and spec.outputs.keys() <= spec.formulas.keys() and not spec.unused:
            good.add(filled.text)
    if not found:
        return []
    places_of = _paths(parse(data))
    return [_moved(filled.template.document, f, places_of) for f in found]


def _to_the_digit(spec: AgentSpec, resolution: Resolution) -> Iterator[Diagnostic]:
    """Expected values without a tolerance that the made agent's own tests would refuse: they compare to the digit."""
    rows = run.tables(resolution.lookups)
    for case in spec.golden:
        got = run.outputs(spec, resolution.plans, resolution.order, rows, case.input)
        for name, wanted in case.expect.items():
            if name not in got or wanted.tol is not None:
                continue
            decimals = resolution.plans[name].decimals
            computed = run.canonical(got[name], decimals)
            value = Decimal(wanted.value) if isinstance(wanted.value, int) and decimals is not None else wanted.value
            if run.canonical(value, None if decimals is None else MAX_DIGITS) != computed:
                message = (
                    f"golden vector `{case.name}` expects {name} to be {value}, and to its last digit it is {computed}"
                )
                yield Diagnostic("GLT012", "error", message, "write all its digits, or a `tol`", case.line, case.column)


def _all(candidates: Iterable[str]) -> str:
    return "; ".join(candidates) or "give it a formula"


def _at(spec: AgentSpec, output: str) -> tuple[int, int]:
    """Where an output is declared in the spec's own text."""
    return parse(spec.raw.encode()).place(("compute", "outputs", output))


def _paths(document: Document) -> dict[tuple[int, int], Path]:
    """Place -> path, the longest path of those that start there."""
    return {place: path for path, place in sorted(document.places.items(), key=lambda item: len(item[0]))}


def _moved(template: Document, finding: Diagnostic, paths: Mapping[tuple[int, int], Path]) -> Diagnostic:
    """A finding about the filled spec, at the template's line."""
    before = [p for p in paths if p <= (finding.line, finding.column)]
    path = paths[max(before)] if before else ()
    inside = path[:1] and path[0] in {"summary", "tags", "compute", "provenance", "tests"}
    own: Path = ("spec", *path) if inside else path[:1]
    line, column = template.place(own)
    return replace(finding, line=line, column=column, path=dotted(own))


def _as_findings(template: Template, problems: Iterable[Problem]) -> list[Diagnostic]:
    place = template.document.place
    return [Diagnostic(p.code, "error", p.message, p.hint, *place(p.path), dotted(p.path)) for p in problems]


def _told(finding: Diagnostic, where: list[Place], tried: list[Place]) -> Diagnostic:
    """A finding that holds for some combinations only says for which."""
    if len(where) == len(tried) or ("", "") in where:
        return finding
    words = [", ".join(w for w in place if w) for place in where]
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return replace(finding, message=f"{finding.message} (for {'; '.join(words[:3])}{more})")


# --- golden vectors and properties ------------------------------------------------------------------------------------


def _golden(template: Template) -> Iterator[Diagnostic]:
    """Every output is expected in two golden vectors with different inputs, and each vector gives every input."""
    body = template.declared.spec
    inputs, outputs = body.compute.get("inputs"), body.compute.get("outputs")
    cases = _cases(body.tests.get("golden"))
    if not isinstance(inputs, dict) or not isinstance(outputs, dict) or not cases:
        yield _finding(template, "GLT008", "the spec has no golden vectors", "write two or more", ("spec", "tests"))
        return
    proved: dict[str, list[Any]] = {name: [] for name in outputs}
    for i, case in enumerate(cases):
        path: Path = ("spec", "tests", "golden", i)
        for name in inputs.keys() - case["input"].keys():
            message = f"golden vector `{case.get('name', i)}` leaves `{name}` open"
            yield _finding(template, "GLT010", message, "give every input, those with a default too", path)
        for name in proved.keys() & case["expect"].keys():
            if case["input"] not in proved[name]:
                proved[name].append(case["input"])
    for name, given in proved.items():
        if len(given) < LEAST_VECTORS:
            message = f"`{name}` is expected by {len(given)} golden vectors, and {LEAST_VECTORS} are needed"
            yield _finding(template, "GLT008", message, "add a vector", ("spec", "compute", "outputs", name))


def _cases(golden: Any) -> list[dict[str, Any]]:
    """The golden vectors, if they have the form of such."""
    found = golden if isinstance(golden, list) else []
    good = [c for c in found if isinstance(c, dict) and all(isinstance(c.get(k), dict) for k in ("input", "expect"))]
    return good if len(good) == len(found) else []


def _properties(template: Template) -> Iterator[Diagnostic]:
    if not template.declared.spec.tests.get("properties"):
        hint = "such as `output.co2e is nondecreasing in input.energy`"
        yield _finding(template, "GLT008", "the spec states no property", hint, ("spec", "tests"))


def _finding(template: Template, code: str, message: str, hint: str, path: Path) -> Diagnostic:
    return Diagnostic(code, "error", message, hint, *template.document.place(path), dotted(path))


def _ordered(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(dict.fromkeys(findings), key=lambda d: (d.line, d.column, d.code, d.message)))
