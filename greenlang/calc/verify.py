"""Verifying a certificate alone: its chain, its release and rows, its formula, and everything computed again.

A finding names the link that differs. Two kinds of difference are told apart by where they show: a link that does not
fit its own chain was changed after it was sealed; a link that fits its chain and is computed differently comes from
another table, library or engine, or from a forged certificate. What nobody can recompute (tenant, approver, reasons)
is held by the chain only, so the digest must be kept where the certificate is not: give it as ``expected``.

Belongs here: findings about certificates. Does not belong here: finding releases on disk (``greenlang.cli``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from greenlang_sdk.errors import CanonicalError

from greenlang.calc.certificate import (
    FORMAT,
    LINKS,
    ResultCertificate,
    chain,
    follow,
    plain_values,
    read_certificate,
)
from greenlang.calc.context import read_context
from greenlang.calc.engine import ENGINE, CalculationEngine
from greenlang.calc.mistakes import Mistake
from greenlang.errors import FormulaError
from greenlang.factors.model import plain_row, row_digest
from greenlang.factors.table import FactorTable
from greenlang.formulas.library import FormulaLibrary, library

MISSING = "(nothing)"
_KEYS = {*LINKS, "chain", "digest"}
Uncertainty = Callable[[CalculationEngine, dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: the link of the chain, the place in it, a sentence, what is stated and what was found."""

    link: str
    place: str
    message: str
    stated: str = ""
    found: str = ""

    def __str__(self) -> str:
        return f"{self.link}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verification:
    """``verified`` if nothing differs; ``notes`` say what could not be recomputed, or who computed it."""

    verified: bool
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def links(self) -> tuple[str, ...]:
        """The links (or sections) that differ: those of a chain in their order, then others as they were found."""
        named = dict.fromkeys(finding.link for finding in self.findings)
        known = (*LINKS, "chain", "digest", "structure")
        return (*(link for link in known if link in named), *(link for link in named if link not in known))


def verify(
    certificate: ResultCertificate | Mapping[str, Any] | bytes | str,
    table: FactorTable,
    formulas: FormulaLibrary | None = None,
    *,
    expected: str = "",
    uncertainty: Uncertainty | None = None,
) -> Verification:
    """Recompute everything from the table and the library and compare, leaf by leaf.

    ``expected`` is the digest that was kept elsewhere. ``uncertainty`` recomputes that slot where it is filled. Raises
    CertificateUnreadable for bytes that are no certificate.
    """
    content = _content(certificate)
    checker = _Checker(content, CalculationEngine(table, formulas if formulas is not None else library()))
    checker.structure()
    checker.own_chain(expected)
    checker.surroundings()
    checker.rows()
    checker.recompute(uncertainty)
    findings = tuple(dict.fromkeys(checker.findings))
    return Verification(not findings, findings, tuple(checker.notes))


def _content(certificate: ResultCertificate | Mapping[str, Any] | bytes | str) -> dict[str, Any]:
    if isinstance(certificate, (bytes, str)):
        return read_certificate(certificate)
    if isinstance(certificate, ResultCertificate):
        return certificate.as_dict()
    content: dict[str, Any] = plain_values(certificate)
    return content


class _Checker:
    def __init__(self, content: dict[str, Any], engine: CalculationEngine) -> None:
        self.content = content
        self.engine = engine
        self.findings: list[Finding] = []
        self.notes: list[str] = []

    def add(self, link: str, place: str, message: str, stated: object = "", found: object = "") -> None:
        self.findings.append(Finding(link, place, message, _short(stated), _short(found)))

    def structure(self) -> None:
        """Entries that a certificate has, and no others."""
        for name in sorted(_KEYS - self.content.keys()):
            self.add(name, name, f"`{name}` is missing", MISSING)
        for name in sorted(self.content.keys() - _KEYS):
            self.add("structure", name, f"`{name}` does not belong to a certificate", self.content[name], MISSING)
        if self.content.get("format") != FORMAT:
            self.add("format", "format", "the format is another", self.content.get("format"), FORMAT)

    def own_chain(self, expected: str) -> None:
        """Whether each link fits the chain, and the digest its last link."""
        try:
            made = plain_values(chain(self.content))
        except CanonicalError as error:
            self.add("structure", "", f"it has no canonical form: {error}")
            return
        told = self.content.get("chain")
        last: object = made[-1]["digest"]
        if not isinstance(told, list) or [e.get("link") if isinstance(e, dict) else None for e in told] != list(LINKS):
            self.add("chain", "chain", "the chain does not name the links in their order")
        else:
            before: object = ""
            for number, (stated, own) in enumerate(zip(told, made, strict=True)):
                name = own["link"]
                follows = stated == follow(name, stated.get("content"), before)
                before = stated.get("digest")
                if not follows:
                    self.add("chain", f"chain[{number}]", f"the link of `{name}` does not follow from the one before")
                elif stated["content"] != own["content"]:
                    message = f"`{name}` was changed after the certificate was sealed"
                    self.add(name, name, message, stated["content"], own["content"])
            last = before
        if self.content.get("digest") != last:
            self.add("digest", "digest", "the digest is not that of the chain", self.content.get("digest"), last)
        if expected and expected != self.content.get("digest"):
            message = "the digest is not the one that was kept: this is another certificate"
            self.add("digest", "digest", message, self.content.get("digest"), expected)

    def surroundings(self) -> None:
        """The release, the formula and the engine that the certificate names."""
        engine = _part(self.content, "engine")
        if engine != plain_values(ENGINE):
            self.notes.append(f"made by {_short(engine)}, verified by {_short(plain_values(ENGINE))}")
        table, release = self.engine.table, _part(self.content, "release")
        if release.get("name") != table.release:
            message = f"made with release {release.get('name')}, verified against {table.release}"
            self.add("release", "release.name", message, release.get("name"), table.release)
        elif release.get("digest") != table.digest:
            message = f"release {table.release} holds other rows than those the certificate was made with"
            self.add("release", "release.digest", message, release.get("digest"), table.digest)
        formula = _part(self.content, "formula")
        try:
            found = self.engine.formulas.get(str(formula.get("id")))
        except FormulaError as error:
            self.add("formula", "formula.id", f"the library's formula cannot be read: {error}", formula.get("id"))
            return
        if found is None:
            self.add("formula", "formula.id", f"the library has no formula `{formula.get('id')}`", formula.get("id"))
        elif found.digest != formula.get("digest"):
            message = f"formula {found.id} was changed"
            self.add("formula", "formula.digest", message, formula.get("digest"), found.digest)

    def rows(self) -> None:
        """Each factor row as the table holds it now: there, and the same."""
        factors = self.content.get("factors")
        for number, record in enumerate(factors if isinstance(factors, list) else []):
            if not isinstance(record, dict):
                continue
            key, place = str(record.get("key")), f"factors[{number}]"
            row = self.engine.table.get(key)
            if row is None:
                message = f"ef://{key} is not in release {self.engine.table.release}: withdrawn, or never there"
                self.add("factors", f"{place}.key", message, key, MISSING)
            elif row_digest(row) != record.get("row_digest"):
                now = plain_row(row)
                shown = [
                    f"{name} {record[name]} is now {now[name]}"
                    for name in ("value", "unit", "gas", "biogenic", "licence")
                    if record.get(name) != now[name]
                ]
                message = f"ef://{key} was changed" + (f": {', '.join(shown)}" if shown else "")
                self.add("factors", f"{place}.row_digest", message, record.get("row_digest"), row_digest(row))

    def recompute(self, uncertainty: Uncertainty | None) -> None:
        """The whole calculation from what was given, compared leaf by leaf."""
        given = _given(self.content)
        context, wrong = _context(self.content)
        if given is None or context is None:
            self.add("inputs" if given is None else "context", "", "this cannot be read, so nothing can be recomputed")
            return
        for mistake in wrong:
            self.mistake(mistake)
        try:
            result = self.engine.calculate(str(_part(self.content, "formula").get("id")), given, context)
        except (ArithmeticError, ValueError, TypeError, LookupError, AssertionError) as error:
            self.add("inputs", "inputs", f"what was given cannot be computed with: {error}")
            return
        if result.certificate is None:
            for mistake in result.errors:
                self.mistake(mistake)
            return
        again = result.certificate.as_dict()
        stated = self.content.get("uncertainty")
        if stated is not None:
            if uncertainty is None:
                message = "an uncertainty is stated, and no method was given that computes it again"
                self.add("uncertainty", "uncertainty", message)
                again["uncertainty"] = stated
            else:
                again["uncertainty"] = plain_values(dict(uncertainty(self.engine, self.content)))
        for link in LINKS:
            if link in {"format", "engine"}:
                continue
            for place, told, found in differences(self.content.get(link), again[link], link):
                self.add(link, place, f"{place} is {_short(told)}, recomputed {_short(found)}", told, found)

    def mistake(self, mistake: Mistake) -> None:
        """A mistake of the recomputation, as a finding about the link that it comes from."""
        head, _, rest = mistake.place.partition(".")
        name = rest.partition("[")[0].partition(".")[0]
        factors = {str(r.get("symbol")).partition("[")[0] for r in _records(self.content, "factors")}
        overrides = {str(r.get("symbol")) for r in _records(self.content, "overrides")}
        link = {"context": "context", "formula": "formula", "outputs": "outputs"}.get(head, "inputs")
        if mistake.place == "context.release":
            link = "release"
        elif link == "inputs" and name in factors:
            link = "factors"
        elif link == "inputs" and name in overrides:
            link = "overrides"
        self.add(link, mistake.place, f"it cannot be computed again: {mistake.message}")


def differences(stated: Any, found: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """(place, stated, found) of every leaf that differs; 1, 1.0 and true are three values."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for name in sorted({*stated, *found}):
            yield from differences(stated.get(name, MISSING), found.get(name, MISSING), f"{place}.{name}")
    elif isinstance(stated, list) and isinstance(found, list):
        for number in range(max(len(stated), len(found))):
            one = stated[number] if number < len(stated) else MISSING
            other = found[number] if number < len(found) else MISSING
            yield from differences(one, other, f"{place}[{number}]")
    elif type(stated) is not type(found) or stated != found:
        yield place, stated, found


def _part(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _records(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = content.get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _given(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Name -> what was given."""
    found = content.get("inputs")
    if not isinstance(found, list):
        return None
    records = _records(content, "inputs")
    return {str(record.get("name")): record.get("given") for record in records}


def _context(content: Mapping[str, Any]) -> tuple[Any, list[Mistake]]:
    found = content.get("context")
    return read_context(found) if isinstance(found, dict) else (None, [])


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
