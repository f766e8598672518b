"""`greenlang agent validate | diff`: spec files, before anything is built.

Belongs here: the commands and how findings are shown. Does not belong here: reading specs (``greenlang.specs``), plans
(``greenlang.resolution``), building (``greenlang.cli.agent_build``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from greenlang.cli.agent import app
from greenlang.cli.app import NEGATIVE, not_found
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, table

if TYPE_CHECKING:
    from greenlang.resolution.plan import Missing, Resolution
    from greenlang.specs.diagnostics import Diagnostic
    from greenlang.specs.model import AgentSpec
    from greenlang.specs.reader import Report

__all__ = ["DialectOption", "OverlayOption", "SpecFile", "app", "resolved"]

SpecFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A spec (YAML).")]


class DialectOption(StrEnum):
    """The dialects that are read."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Format(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    sarif = "sarif"


AsDialect = Annotated[
    DialectOption | None,
    typer.Option("--dialect", case_sensitive=False, help="Read it in this dialect, whatever its keys say."),
]
OverlayOption = Annotated[
    Path | None,
    typer.Option(
        "--overlay",
        exists=True,
        dir_okay=False,
        help="A reviewed overlay; otherwise <spec>.overlay.yaml beside the spec.",
    ),
]


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one spec file."""

    path: Path
    spec: AgentSpec | None
    findings: tuple[Diagnostic, ...]
    missing: tuple[Missing, ...] = ()
    plans: int = 0

    @property
    def wrong(self) -> bool:
        """Whether a finding is an error."""
        from greenlang.specs.diagnostics import has_errors

        return has_errors(self.findings)


def read_file(
    path: Path, dialect: DialectOption | None = None, overlay: Path | None = None
) -> tuple[AgentSpec | None, tuple[Diagnostic, ...]]:
    """A spec with its overlay: the one that is named, or the one that lies beside it."""
    done = report_file(path, dialect, overlay)
    return done.spec, done.diagnostics


def report_file(path: Path, dialect: DialectOption | None = None, overlay: Path | None = None) -> Report:
    """``read_file``, with what is left of a spec that is refused."""
    from greenlang.specs.overlay import overlay_name
    from greenlang.specs.reader import report

    beside = path.with_name(overlay_name(path.name))
    overlay = overlay or (beside if beside.is_file() else None)
    return report(
        path.read_bytes(),
        path.name,
        dialect=dialect.value if dialect else None,
        overlay=overlay.read_bytes() if overlay is not None else None,
        overlay_name=overlay.name if overlay is not None else "",
    )


def resolved(
    context: typer.Context, path: Path, dialect: DialectOption | None = None, overlay: Path | None = None
) -> tuple[Resolution | None, tuple[Diagnostic, ...]]:
    """A spec file read and resolved, with all findings."""
    from greenlang.cli.factors import factor_table
    from greenlang.formulas.library import library
    from greenlang.resolution.drafts import further
    from greenlang.resolution.resolve import resolve

    done = report_file(path, dialect, overlay)
    spec = done.spec or done.draft
    if spec is None:
        return None, done.diagnostics
    table, formulas = factor_table(context), library()
    if done.spec is None:
        return None, (*done.diagnostics, *further(spec, done.diagnostics, table, formulas))
    resolution = resolve(spec, table, formulas)
    return resolution, (*done.diagnostics, *resolution.diagnostics)


@app.command()
def validate(
    context: typer.Context,
    specs: Annotated[list[Path], typer.Argument(exists=True, help="Specs (YAML), or folders of them.")],
    dialect: AsDialect = None,
    overlay: OverlayOption = None,
    format: Annotated[Format, typer.Option("--format", help="text, json or sarif.")] = Format.text,
    json: AsJson = False,
    quick: Annotated[bool, typer.Option("--quick", help="Read only: no factor tables, no plans.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Repair in place what needs no judgement, and say what.")] = False,
) -> None:
    """Read and resolve specs; print every finding with its place and mend. Exit code 1 if any has errors.

    Specs that are given together are also checked for dependencies that form a circle.
    """
    paths = _files(specs)
    if not paths:
        raise not_found("no spec (*.yaml) there")
    shown = Format.json if json else format
    if fix:
        _fix(paths, dialect, tell=shown is Format.text)
    checked = _with_circles([_check(context, path, dialect, overlay, quick=quick) for path in paths])
    if shown is Format.sarif:
        from greenlang.specs.sarif import sarif

        as_json(sarif({_address(c.path): c.findings for c in checked}))
    elif shown is Format.json:
        rows = [_row(c, quick=quick) for c in checked]
        valid = not any(c.wrong for c in checked)
        as_json(rows[0] if len(rows) == 1 else {"valid": valid, "files": rows})
    else:
        for one in checked:
            _show(one, quick=quick)
    if any(c.wrong or c.missing for c in checked):
        raise typer.Exit(NEGATIVE)


def _address(path: Path) -> str:
    """A path as SARIF wants it: relative to here where it lies below, with a scheme otherwise."""
    whole = path.resolve()
    here = Path.cwd()
    return quote(whole.relative_to(here).as_posix()) if whole.is_relative_to(here) else whole.as_uri()


def _files(paths: list[Path]) -> list[Path]:
    """The spec files among paths and in folders, without their overlays."""
    from greenlang.specs.overlay import is_overlay

    found: list[Path] = []
    for path in paths:
        inside = sorted(p for end in ("yaml", "yml") for p in path.rglob(f"*.{end}")) if path.is_dir() else [path]
        found += [p for p in inside if not is_overlay(p.name) or p == path]
    return list(dict.fromkeys(found))


def _check(
    context: typer.Context, path: Path, dialect: DialectOption | None, overlay: Path | None, *, quick: bool
) -> Checked:
    if quick:
        return Checked(path, *read_file(path, dialect, overlay))
    resolution, findings = resolved(context, path, dialect, overlay)
    if resolution is None:
        return Checked(path, None, findings)
    return Checked(path, resolution.spec, findings, resolution.missing, sum(len(one.plans) for one in resolution.flat))


def _with_circles(checked: list[Checked]) -> list[Checked]:
    from dataclasses import replace

    from greenlang.specs.cycles import cycles

    told = cycles({str(c.path): c.spec for c in checked if c.spec is not None})
    return [replace(c, findings=(*c.findings, *told.get(str(c.path), ()))) for c in checked]


def _fix(paths: list[Path], dialect: DialectOption | None, *, tell: bool) -> None:
    from greenlang.factors.storage import replace_file
    from greenlang.specs.fix import fix

    for path in paths:
        done = fix(path.read_bytes(), path.name, dialect=dialect.value if dialect else None)
        if done.changes:
            replace_file(path, partial(_write, data=done.data))
        for change in done.changes if tell else ():
            typer.echo(f"{path.name}: repaired: {change}")


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)


def _row(checked: Checked, *, quick: bool) -> dict[str, Any]:
    lost = [{"output": m.output, "reason": m.reason, "candidates": list(m.candidates)} for m in checked.missing]
    return {
        "file": checked.path.name,
        "valid": not checked.wrong,
        "complete": None if quick else not checked.wrong and not checked.missing,
        "dialect": checked.spec.dialect if checked.spec is not None else None,
        "missing": lost,
        "diagnostics": [d.as_dict() for d in checked.findings],
    }


def _show(checked: Checked, *, quick: bool) -> None:
    name = checked.path.name
    for finding in checked.findings:
        typer.echo(finding.text(name))
    for item in checked.missing:
        typer.echo(f"{name}: incomplete: no plan for `{item.output}`: {item.reason}")
        for candidate in item.candidates:
            typer.echo(f"    {candidate}")
    if checked.spec is not None and not checked.wrong and not checked.missing:
        planned = "" if quick else f"; outputs with a plan: {checked.plans}"
        typer.echo(f"{name}: {checked.spec.partition} is valid{planned}")


@app.command()
def diff(old: SpecFile, new: SpecFile, json: AsJson = False) -> None:
    """What changed between two specs, and the version step it asks for. Exit code 1: NEW is too low."""
    from greenlang.specs.diff import diff as changes_of
    from greenlang.specs.diff import enough, implied, next_version

    specs: list[AgentSpec] = []
    for path in (old, new):
        spec, findings = read_file(path)
        if spec is None:
            for finding in findings:
                if finding.severity == "error":
                    typer.echo(finding.text(path.name), err=True)
            raise not_found(f"{path.name} cannot be read; `greenlang agent validate` shows all")
        specs.append(spec)
    before, after = specs
    changes = changes_of(before, after)
    bump = implied(changes)
    least = next_version(before.version, bump)
    fits = enough(before.version, after.version, bump)
    if json:
        rows = [{"bump": c.bump, "subject": c.subject, "text": c.text} for c in changes]
        as_json({"bump": bump, "least_version": least, "version": after.version, "enough": fits, "changes": rows})
    elif not changes:
        typer.echo("the two mean the same")
        if before.digest != after.digest and before.version == after.version:
            typer.echo("other bytes: to drop the new one beside the old one, give it a version of its own")
    else:
        table(("step", "of", "change"), [(c.bump, c.subject, c.text) for c in changes])
        verdict = "which is enough" if fits else f"which is too low: write {least}"
        typer.echo(f"{bump}: from {before.version} to {least} at least; the new one is {after.version}, {verdict}")
    if not fits:
        raise typer.Exit(NEGATIVE)
