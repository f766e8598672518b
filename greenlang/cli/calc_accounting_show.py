"""How the answers of `greenlang calc scope2`, `spend`, `overlaps` and `uncertainty` are printed.

Belongs here: text for people. Does not belong here: commands (``calc_accounting``), arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from greenlang.cli.show import digits, table

if TYPE_CHECKING:
    from greenlang.calc.mistakes import Mistake
    from greenlang.calc.overlaps import Finding, Total
    from greenlang.calc.scope2_result import Scope2Result
    from greenlang.calc.spend_result import SpendResult
    from greenlang.calc.uncertainty import UncertaintyResult
    from greenlang.calc.uncertainty_total import TotalUncertainty


def mistakes(found: Sequence[Mistake]) -> None:
    """What is wrong, each with its mend, on the error stream."""
    for mistake in found:
        typer.echo(f"{mistake.place}: {mistake.message}", err=True)
        if mistake.mend:
            typer.echo(f"    {mistake.mend}", err=True)


def show_scope2(result: Scope2Result, known: Mapping[str, TotalUncertainty]) -> None:
    """Lines, both totals, the lines of category 3, instruments, what is disclosed."""
    assert result.location is not None
    assert result.market is not None
    rows = [
        (
            line.consumption,
            line.method or f"scope 3, {line.stage}",
            line.tranche or line.label,
            f"{digits(line.quantity)} {line.unit}",
            f"{digits(line.share)} %",
            line.gas,
            digits(line.value),
            "kgCO2b, outside" if line.outside else "kgCO2e",
            f"ef://{line.factor.key}" if line.factor is not None else line.citation,
        )
        for line in result.lines
    ]
    table(
        ("consumption", "method", "from", "quantity", "share", "gas", "value", "unit", "source"), rows, right=(3, 4, 6)
    )
    for total in (result.location, result.market):
        typer.echo(f"scope 2 {total.method}: {digits(total.value)} {total.unit}{_of_bases(total.shares)}")
        typer.echo(f"    {known[total.method]}")
        if total.outside:
            typer.echo(f"    outside the scopes: {digits(total.outside)} kgCO2b")
    if result.upstream:
        stages: dict[str, Decimal] = {}
        for line in result.upstream:
            stages[line.stage] = stages.get(line.stage, Decimal(0)) + line.value
        told = ", ".join(f"{stage} {digits(value)}" for stage, value in stages.items())
        typer.echo(f"scope 3 category 3, never inside scope 2: {told} kgCO2e")
        for stage in stages:
            typer.echo(f"    {stage}: {known[f'scope 3, {stage}']}")
    for report in result.instruments:
        state = "not applied" if report.failed or not report.applied else "applied"
        typer.echo(f"instrument {report.id}: {state}, {digits(report.applied)} {report.unit}")
        for verdict in report.failed:
            typer.echo(f"    criterion {verdict.number}, {verdict.criterion}: {verdict.reason}")
    for entry in result.disclosures:
        typer.echo(f"disclosed: {entry.text}")
    for warning in result.warnings:
        typer.echo(f"warning: {warning}")


def _of_bases(shares: Sequence[Any]) -> str:
    if len(shares) == 1:
        return f", {shares[0].basis}"
    return f" ({', '.join(f'{digits(share.value)} on {share.basis}' for share in shares)})" if shares else ""


def show_spend(result: SpendResult, known: TotalUncertainty | None) -> None:
    """Every step of a spend, or what is missing."""
    if not result.success:
        typer.echo(f"{result.id or 'a spend'}: not computed", err=True)
        mistakes(result.mistakes)
        return
    assert result.value is not None
    category = f", category {result.category}" if result.category else ""
    typer.echo(f"{result.id}: {digits(result.value)} {result.unit}, {result.basis}{category}")
    typer.echo(f"    {known}")
    for step in result.steps:
        typer.echo(f"    {step}")
    for warning in result.warnings:
        typer.echo(f"    warning: {warning}")


def show_findings(findings: Sequence[Finding], lines: int) -> None:
    """Findings with their reasons."""
    for finding in findings:
        typer.echo(str(finding))
        typer.echo(f"    {finding.why.strip()}")
        typer.echo(f"    {finding.citation}")
    certain = sum(finding.certain for finding in findings)
    typer.echo(f"{lines:,} lines: {certain} overlaps, {len(findings) - certain} to look at")


def show_total(found: Total) -> None:
    """A total, or what stands in its way."""
    for finding in found.findings:
        typer.echo(str(finding))
    mistakes(found.mistakes)
    for line in found.left_out:
        place = (
            f"category {line.category}" if line.category else f"scope {line.scope}" if line.scope else "no named scope"
        )
        typer.echo(f"left out: {line.id}, {digits(line.value)} {line.unit}, {place} ({line.reason})")
    if found.value is None:
        for finding in found.open:
            typer.echo(f"stands in the way: {finding.id}")
        typer.echo("no total: say what is meant with --resolutions, or name a --method", err=True)
        return
    typer.echo(f"total {digits(found.value)} {found.unit}{_of_bases(found.shares)}")
    for part in found.subtotals:
        lines = f"{part.lines:,} line{'' if part.lines == 1 else 's'}"
        indent = "        " if part.category else "    "
        typer.echo(f"{indent}{part.name}: {digits(part.value)} {found.unit}, {lines}")
    for unit, value in (found.outside or {}).items():
        typer.echo(f"outside the total: {digits(value)} {unit}")


def show_uncertainty(found: UncertaintyResult) -> None:
    """The uncertainty of each output, what brings it, and what nobody states."""
    for output in found.outputs:
        typer.echo(f"{output.name} = {digits(output.value)} {output.unit}: {output}")
        for part in output.contributions:
            typer.echo(f"    {part.source}: {digits(round(part.share, 1))} % of the variance")
    for source in found.sources:
        if source.spread is None:
            typer.echo(f"not stated: {source.id} ({source.meaning})")
    for note in found.notes:
        typer.echo(f"note: {note}")
