"""The third rung: a model reads an author's prose and proposes an overlay; the resolver decides whether it stands.

A proposal never counts by itself. Its file leaves ``reviewed.by`` empty, which the reader refuses (GLS082), so that
only a person who signs it puts it in force. There is no setting against this: an overlay is a person's word.

Belongs here: asking, checking what was proposed, writing the file. Does not belong here: resolving.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import yaml

from greenlang.errors import CalculationError, FormulaError
from greenlang.factors.table import FactorTable
from greenlang.factory.source import SpecSource
from greenlang.factory.text import one_line
from greenlang.formulas.library import FormulaLibrary, library
from greenlang.llm.ask import Answer, Ask, Disclosure, Model, NoAnswer
from greenlang.llm.disclosing import for_artifact
from greenlang.llm.numbers import PERCENT, foreign_numbers, known_numbers, numerals
from greenlang.llm.prompts import shortened
from greenlang.llm.replies import OverlayProposal, ProposedFormula
from greenlang.quality.repair.outcome import Proposal, RepairRequest, Resolve
from greenlang.resolution import run, samples
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import Diagnostic, has_errors
from greenlang.specs.overlay import overlay_name

UNSIGNED = "proposal, not reviewed"
_UNIT = re.compile(r"\[([^\[\]\n]*)\]")  # of a figure in the formula language
_PERCENT_UNIT = re.compile(r"\s*\[\s*(?:%|percent)\s*\]")
_MOST_TEXT = 40_000
_MOST_NEAR = 12
_MOST_APART = 40  # formulas that are tried one by one where the whole does not stand
_CONTRADICTED = frozenset({"GLS051", "GLS053"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What the resolver says of a proposal: what stands, and why the rest does not."""

    formulas: tuple[ProposedFormula, ...]
    resolution: Resolution | None
    refused: tuple[str, ...]

    @property
    def expressions(self) -> dict[str, str]:
        """Output -> the plan as the resolver writes it."""
        plans = _plans(self.resolution) if self.resolution else {}
        return {f.output: plans[f.output].text for f in self.formulas if f.output in plans}


@dataclass(frozen=True, slots=True)
class Asked:
    """The result of the rung: a proposal, or the reason why there is none."""

    proposal: Proposal | None
    reason: str
    disclosures: tuple[Disclosure, ...]
    no_answer: NoAnswer | None = None


def resolver(source: SpecSource, table: FactorTable, formulas: FormulaLibrary, max_bytes: int) -> Resolve:
    """A `Resolve` for one spec: overlay bytes -> its resolution and findings, by the deterministic code alone."""

    def resolved(overlay: bytes) -> tuple[Resolution | None, tuple[Diagnostic, ...]]:
        name = source.overlay_name or overlay_name(source.name)
        spec, findings = replace(source, overlay=overlay, overlay_name=name).read(max_bytes)
        if spec is None:
            return None, findings
        found = resolve(spec, table, formulas)
        return found, (*findings, *found.diagnostics)

    return resolved


def propose(request: RepairRequest, model: Model, resolved: Resolve) -> Asked:
    """Ask for an overlay (``request.samples`` times), check each, and gate on how they behave.

    Several samples that stand but answer differently give no proposal: which of them is meant is the author's to say.
    """
    assert request.source is not None
    told: list[Disclosure] = []
    standing: list[tuple[Checked, OverlayProposal, Disclosure]] = []
    refused: list[str] = []
    none: NoAnswer | None = None
    for sample in range(max(1, request.samples)):
        answer = model.ask(_question(request, sample))
        if isinstance(answer, NoAnswer):
            told, none = [*told, *answer.disclosures], answer
            if answer.why == "malformed":
                continue  # another sample may be one that can be read
            break
        told.append(answer.disclosure)
        checked = check(request, answer, resolved)
        if checked.formulas:
            standing.append((checked, answer.value, answer.disclosure))
        refused += checked.refused
    if not standing:
        reason = none.reason if none else "; ".join(refused[:6]) or "the model proposes nothing"
        return Asked(None, reason, tuple(told), none)
    first, reply, disclosure = standing[0]
    if differ := [d for other, _, _ in standing[1:] if (d := _difference(first, other))]:
        return Asked(None, f"the samples behave differently: {differ[0]}", tuple(told))
    made = _file(request, first.formulas, reply, "", disclosure)
    stability = len(standing) / request.samples if request.samples > 1 else None
    alike = [] if stability is None else [f"{len(standing)} of {request.samples} samples stand, and calculate alike"]
    name = request.source.overlay_name or overlay_name(request.source.name)
    header = _header(first, reply, disclosure, alike, refused)
    proposal = Proposal(name, header + made, first.expressions, disclosure, stability)
    return Asked(proposal, "; ".join([*alike, *refused[:6]]), tuple(told))


# --- asking ------------------------------------------------------------------------------------------------------


def _question(request: RepairRequest, sample: int) -> Ask[OverlayProposal]:
    resolution = request.resolution
    values = {
        "spec": shortened(_spec_text(request), _MOST_TEXT),
        "ports": ports(resolution),
        "library": near(resolution),
        "missing": [{"output": m.output, "reason": m.reason, "seen": list(m.candidates)} for m in resolution.missing],
        "references": list(request.examples),
    }
    wanted = {m.output for m in resolution.missing}

    def check_words(reply: OverlayProposal) -> list[str]:
        """Asked again only if nothing of a reply is left: one wrong formula does not cost the others."""
        why = [f"{f.output}: {w}" if (w := _words_refused(request, f, wanted)) else "" for f in reply.formulas]
        return why if all(why) else []

    return Ask(
        "overlay_proposal",
        values,
        OverlayProposal,
        agent=request.key,
        stage="refinement",
        sample=sample,
        check=check_words,
        aside=("references",),
    )


def _spec_text(request: RepairRequest) -> str:
    assert request.source is not None
    return request.source.data.decode("utf-8", errors="replace")


def ports(resolution: Resolution) -> list[dict[str, Any]]:
    """Inputs and outputs with type, unit and meaning, under the names that an overlay uses."""
    found = []
    for one in resolution.flat:
        head = f"{one.spec.part}." if one.spec.part else ""
        for kind, group in (("input", one.spec.inputs), ("output", one.spec.outputs)):
            for port in group.values():
                row = {"kind": kind, "name": f"{head}{port.name}", "type": port.dtype, "unit": port.unit}
                found.append(row | ({"text": port.description} if port.description else {}))
    return found


def near(resolution: Resolution) -> list[dict[str, Any]]:
    """Formulas of the library that give the unit of a missing output out of units that the spec has."""
    known, found = library(), {}
    for one in resolution.flat:
        head = f"{one.spec.part}." if one.spec.part else ""
        lost = {m.output.removeprefix(head) for m in resolution.missing if m.output.startswith(head)}
        taken = [i.unit for i in one.spec.inputs.values() if i.numeric and i.unit]
        for name in sorted(lost & one.spec.outputs.keys()):
            port = one.spec.outputs[name]
            if not port.numeric or not port.unit:
                continue
            words = [w for w in re.split(r"[^a-z]+", name.lower()) if len(w) > 2]
            for formula in known.alike(words, port.unit, taken):
                found[formula.id] = {
                    "id": formula.id,
                    "name": formula.name,
                    "symbols": {s: v.unit for s, v in formula.symbols.items()},
                    "outputs": {o: v.expression for o, v in formula.outputs.items()},
                }
    return [found[key] for key in sorted(found)[:_MOST_NEAR]]


# --- checking ----------------------------------------------------------------------------------------------------


def check(request: RepairRequest, answer: Answer[OverlayProposal], resolved: Resolve) -> Checked:
    """What of an answer stands: words and numbers are the author's, a plan is found, units and worked cases agree."""
    wanted = {m.output for m in request.resolution.missing}
    words = [(f, _words_refused(request, f, wanted)) for f in answer.value.formulas]
    refused = [f"{f.output}: {why}" for f, why in words if why]
    formulas = tuple(f for f, why in words if not why)
    if not formulas:
        return Checked((), None, tuple(refused))
    whole, why = _stands(request, formulas, answer.value, resolved)
    if not why:
        return Checked(formulas, whole, tuple(refused))
    if len(formulas) == 1:
        return Checked((), None, (*refused, f"{formulas[0].output}: {why}"))
    kept: tuple[ProposedFormula, ...] = ()
    best: Resolution | None = None
    for formula in formulas[:_MOST_APART]:
        found, why = _stands(request, (*kept, formula), answer.value, resolved)
        if why:
            refused.append(f"{formula.output}: {why}")
        else:
            kept, best = (*kept, formula), found
    return Checked(kept, best, tuple(refused))


def _words_refused(request: RepairRequest, formula: ProposedFormula, wanted: set[str]) -> str:
    """Why a formula is not backed by the author's words, "" if it is."""
    if formula.output not in wanted:
        return "it has a plan already, or is no output"
    quote = " ".join(formula.quote.split())
    if not quote or not _stands_whole(quote, " ".join(_spec_text(request).split())):
        return "the quoted words do not stand in the spec"
    tables = _table_numbers(request.resolution)
    texts = (formula.expression, *formula.bind.values())
    return next((why for t in texts if (why := _number_refused(t, quote, tables) or _unit_refused(t, quote))), "")


def _stands_whole(quote: str, text: str) -> bool:
    """Whether words stand in a text without a word or figure being cut: "5 kg" does not stand in "0.5 kg"."""
    before = r"(?<!\w)" if re.match(r"[\w.,]", quote) else ""
    before += r"(?<![.,])" if quote[0].isdigit() else ""
    after = r"(?!\w)" if re.search(r"\w$", quote) else ""
    after += r"(?![.,]?\d)(?!\s*(?:\^|\*\*))" if re.search(r"[\d.,]$", quote) else ""
    return re.search(f"{before}{re.escape(quote)}{after}", text) is not None


def _number_refused(text: str, quote: str, tables: Sequence[Decimal]) -> str:
    """Why the figures of an expression are not the author's: foreign ones, and 5 where the words say 5 percent."""
    if foreign := foreign_numbers(text, known_numbers(quote, *tables)):
        return f"the number {foreign[0].text} stands neither in the quoted words nor in the tables"
    said = list(numerals(quote))
    shares = {n.value for n in said if PERCENT.match(quote, n.at + len(n.text))}
    shares -= {n.value for n in said if not PERCENT.match(quote, n.at + len(n.text))} | {abs(v) for v in tables}
    for n in numerals(text):
        if n.value in shares and not _PERCENT_UNIT.match(text, n.at + len(n.text)):
            return f"the quoted words say {n.text} percent, which is {n.value / 100:f}"
    return ""


def _unit_refused(text: str, quote: str) -> str:
    """Why a unit that an expression gives to a figure is not the author's: 5 kg must not become 5 [t]."""
    for unit in _UNIT.findall(text):
        for word in re.findall(r"[^\W\d_]\w*|%", unit):
            spelled = r"(?:%|per ?cent)" if word in {"%", "percent"} else r"\s*".join(map(re.escape, word))
            if not re.search(rf"(?<![^\W\d_]){spelled}(?!\w)", quote):
                return f"the unit {word} of [{unit}] does not stand in the quoted words"
    return ""


def _table_numbers(resolution: Resolution) -> tuple[Decimal, ...]:
    return tuple(f.value for f in resolution.pinned if f.value is not None)


def _stands(
    request: RepairRequest, formulas: Sequence[ProposedFormula], reply: OverlayProposal, resolved: Resolve
) -> tuple[Resolution | None, str]:
    """The resolution with these formulas, and why they do not stand."""
    found, findings = resolved(_file(request, formulas, reply, UNSIGNED))
    if found is None or has_errors(findings):
        wrong = next((d for d in findings if d.severity == "error"), None)
        return None, f"{wrong.code} {wrong.message}" if wrong else "it cannot be read"
    before = {(d.code, d.message) for d in request.resolution.diagnostics}
    against = [d for d in findings if d.code in _CONTRADICTED and (d.code, d.message) not in before]
    if against:
        return None, f"a worked case contradicts it: {against[0].message}"
    lost = {m.output: m.reason for m in found.missing}
    for formula in formulas:
        if formula.output in lost:
            return None, f"no plan comes of it: {lost[formula.output]}"
    return found, ""


def _plans(resolution: Resolution) -> dict[str, Any]:
    from greenlang.factory.whole import plans

    return plans(resolution)


def _difference(one: Checked, other: Checked) -> str:
    """A figure in which two proposals differ, "" where they behave alike."""
    if one.expressions.keys() != other.expressions.keys():
        apart = sorted(one.expressions.keys() ^ other.expressions.keys())
        return f"only one of them has a formula for {apart[0]}"
    assert one.resolution is not None
    assert other.resolution is not None
    for a, b in zip(one.resolution.flat, other.resolution.flat, strict=True):
        for given in (*_inputs(a), *_inputs(b)):
            mine, theirs = (_answers(r, given) for r in (a, b))
            if mine != theirs:
                name = next((n for n in sorted(mine.keys() | theirs.keys()) if mine.get(n) != theirs.get(n)), "")
                return f"{name} is {mine.get(name, 'undefined')} or {theirs.get(name, 'undefined')}"
    return ""


def _inputs(resolution: Resolution) -> list[dict[str, Any]]:
    """Inputs to compare by: samples within the limits, and those of the worked cases. Vectors need every output."""
    spec = resolution.spec
    return [*samples.combinations(spec, dict(resolution.lookups)), *(dict(c.input) for c in spec.golden)]


def _answers(resolution: Resolution, given: Mapping[str, Any]) -> dict[str, str]:
    try:
        got = run.outputs(
            resolution.spec, resolution.plans, resolution.order, run.tables(resolution.lookups), dict(given)
        )
    except (CalculationError, FormulaError) as error:
        return {"": type(error).__name__}
    return {n: run.canonical(v, resolution.plans[n].decimals) for n, v in got.items()}


# --- the file ----------------------------------------------------------------------------------------------------


def _file(
    request: RepairRequest,
    formulas: Sequence[ProposedFormula],
    reply: OverlayProposal,
    reviewer: str,
    disclosure: Disclosure | None = None,
) -> bytes:
    """The overlay in force with the proposed entries in it; what a person wrote is never replaced."""
    assert request.source is not None
    spec = request.resolution.spec
    standing = yaml.safe_load(request.source.overlay) if request.source.overlay else {}
    content: dict[str, Any] = dict(standing) if isinstance(standing, dict) else {}
    content |= {
        "overlay": 1,
        "spec": {"id": spec.agent_id, "version": spec.version, "sha256": spec.digest},
        "reviewed": {"by": reviewer, "on": ""},
    }
    if disclosure is not None:  # the agent that comes of it tells who drafted it
        content["proposed"] = [*(content.get("proposed") or ()), for_artifact(disclosure)]
    unknown = {p["name"] for p in ports(request.resolution) if not p["unit"]}
    proposed: dict[str, dict[str, Any]] = {
        "units": {name: unit for name, unit in reply.units.items() if name in unknown},  # a stated unit stays
        "names": dict(reply.names),
        "formulas": {f.output: _entry(f) for f in formulas},
    }
    for section, entries in proposed.items():
        if entries:
            content[section] = entries | (content.get(section) or {})
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120).encode()


def _entry(formula: ProposedFormula) -> dict[str, Any]:
    if formula.formula:
        more = {"output": formula.formula_output, "bind": dict(formula.bind)}
        return {"formula": formula.formula} | {k: v for k, v in more.items() if v}
    return {"expression": formula.expression, "source": f"the author's words: {' '.join(formula.quote.split())}"}


def _header(
    checked: Checked, reply: OverlayProposal, disclosure: Disclosure, alike: Sequence[str], refused: Sequence[str]
) -> bytes:
    """Comments that tell the reviewer who proposed what, and what nothing has proved."""
    assert checked.resolution is not None
    plans = _plans(checked.resolution)
    unproved = [o for o in checked.expressions if not any(e.kind == "golden" for e in plans[o].evidence)]
    lines = [
        f"Proposed by {disclosure.provider} {disclosure.model} ({disclosure.prompt}); request",
        disclosure.request_digest,
        "The resolver found a plan for each formula below; units and worked cases agree. Read them all the same:",
        "a formula may fit and not be meant. To put this in force, write who you are into `reviewed`, and leave",
        "`proposed` as it is: the agent's certificate tells it.",
    ]
    lines += [f"{line}." for line in alike]
    lines += [f"No worked case proves {', '.join(unproved)}."] if unproved else []
    guessed = [*reply.units, *reply.names]
    lines += [f"No number proves what is said of {', '.join(guessed)}: read it twice."] if guessed else []
    lines += [f"Not taken: {' '.join(r.split())}" for r in refused[:10]]
    return "".join(f"# {one_line(line)}\n" for line in lines).encode()  # a line break would end the comment
