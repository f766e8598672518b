"""`greenlang agent explain`: the plan of each output on paper, and what is missing and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from greenlang.cli.agent_spec import AsDialect, OverlayOption, SpecFile, app, resolved
from greenlang.cli.app import NEGATIVE
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json

if TYPE_CHECKING:
    from greenlang.resolution.explain import Paper, Worked

__all__ = ["app"]


@app.command()
def explain(
    context: typer.Context,
    spec: SpecFile,
    dialect: AsDialect = None,
    overlay: OverlayOption = None,
    json: AsJson = False,
) -> None:
    """The plan of each output as a person would write it on paper, with numbers, factors, evidence and what is missing.

    The numbers are those of the spec's first golden case or worked example. Exit code 1 if an output has no plan.
    """
    from greenlang.resolution.explain import explain as explained

    resolution, findings = resolved(context, spec, dialect, overlay)
    if resolution is None:
        for finding in findings:
            typer.echo(finding.text(spec.name), err=True)
        raise typer.Exit(NEGATIVE)
    papers = explained(resolution)
    if json:
        as_json(
            {
                "agent_id": resolution.spec.agent_id,
                "version": resolution.spec.version,
                "complete": resolution.complete,
                "parts": [paper.as_dict() for paper in papers],
                "diagnostics": [d.as_dict() for d in findings],
            }
        )
    else:
        for finding in findings:
            if finding.severity != "info":
                typer.echo(finding.text(spec.name), err=True)
        for paper in papers:
            _show(paper)
    if not resolution.complete:
        raise typer.Exit(NEGATIVE)


def _show(paper: Paper) -> None:
    if paper.part:
        typer.echo(f"\n=== {paper.part} ===")
    if paper.case and paper.outputs:
        typer.echo(f"\nNumbers of the {paper.case}:")
        for name, value in paper.given.items():
            typer.echo(f"    {name} = {value}")
    cited: set[str] = set()
    for worked in paper.outputs:
        _show_worked(worked, cited)
    for gap in paper.gaps:
        typer.echo(f"\nnot covered: {gap}")
    for item in paper.missing:
        typer.echo(f"\nno plan for {item.output}: {item.reason}")
        for candidate in item.candidates:
            typer.echo(f"    {candidate}")


def _show_worked(worked: Worked, cited: set[str]) -> None:
    """One output; each factor row is cited where it is first used."""
    unit = f" [{worked.unit}]" if worked.unit else ""
    source = f", {worked.citation}" if worked.citation else ""
    typer.echo(f"\n{worked.output}{unit}, by {worked.means}{source}")
    for step in worked.steps:
        typer.echo(f"    {step}")
    for factor in worked.factors:
        row = f"    {factor.name} = {factor.value} {factor.unit}".rstrip()
        typer.echo(row if factor.ref in cited else f"{row}: {factor.citation}\n        {factor.ref}")
        cited.add(factor.ref)
    for evidence in worked.evidence:
        typer.echo(f"    – {evidence}")
