"""`greenlang agent test | quality | coverage | security | determinism | benchmark | profile`: how good an agent is.

Belongs here: one agent, one question, asked of the report that the factory wrote or, with ``--again``, of the pack as
it lies there now. Does not belong here: the whole report and its forms (`greenlang.cli.quality`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.agent_export import app, pack_folder
from greenlang.cli.app import INFRASTRUCTURE, NEGATIVE, built_settings
from greenlang.cli.quality import judged_again, show_report, written_report
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table

if TYPE_CHECKING:
    from greenlang.factory.outcome import DimensionResult
    from greenlang.quality.report import QualityReport
    from greenlang.sandbox import Verdict

__all__ = ["app"]

Agent = Annotated[
    str, typer.Argument(metavar="AGENT", help="A registered agent (agent_id, agent_id@version), or a pack's folder.")
]
Again = Annotated[
    bool, typer.Option("--again", help="Judge the pack as it lies there now, in the sandbox; some seconds to a minute.")
]
Calls = Annotated[int, typer.Option("--calls", min=100, max=100_000, help="So many calls, on the worked inputs.")]


@app.command()
def test(
    context: typer.Context,
    agent: Agent,
    every: Annotated[bool, typer.Option("--all", help="A line for each test, not only for what did not pass.")] = False,
    json: AsJson = False,
) -> None:
    """Run an agent's own tests in the sandbox, with branch coverage. Exits 1 if one did not pass."""
    from greenlang.factory.measure import run_tests

    verdict = run_tests(built_settings(context), pack_folder(context, agent))
    if json:
        as_json(_as_dict(verdict))
    else:
        _show_tests(verdict, every=every)
    if verdict.status != "passed":
        raise typer.Exit(INFRASTRUCTURE if verdict.status == "infrastructure" else NEGATIVE)


def _as_dict(verdict: Verdict) -> dict[str, Any]:
    told = asdict(verdict)
    return told | {"passed": verdict.passed, "coverage": verdict.coverage.percent if verdict.coverage else None}


def _show_tests(verdict: Verdict, *, every: bool) -> None:
    counts: Counter[tuple[str, str]] = Counter((t.category, t.outcome) for t in verdict.tests)
    outcomes = ("passed", "failed", "error", "skipped")
    categories = sorted({t.category for t in verdict.tests})
    if categories:
        rows = [(name, *(counts[name, outcome] for outcome in outcomes)) for name in categories]
        table(("category", *outcomes), rows, right=range(1, 5))
    listed = [t for t in verdict.tests if every or t.outcome not in ("passed", "skipped")]
    if listed:
        rows = [(t.id, t.outcome, t.seconds, t.message) for t in listed]
        table(("test", "result", "seconds", "message"), rows, right=(2,))
    covered = verdict.coverage
    facts(
        [
            ("result", f"{verdict.status}: {verdict.detail}" if verdict.detail else verdict.status),
            ("tests", f"{verdict.passed} of {len(verdict.tests)} passed"),
            ("coverage", f"{covered.percent:.1f} %" if covered else ""),
            ("seconds", round(verdict.seconds, 2)),
            ("sandbox", verdict.profile.name),
        ]
    )


@app.command()
def quality(context: typer.Context, agent: Agent, again: Again = False, json: AsJson = False) -> None:
    """An agent on the twelve dimensions: `quality report`, or with --again judged now. Exits 1 if it did not pass."""
    report = _report(context, agent, again=again)
    show_report(report, "json" if json else "table")
    _end(report, good=report.result == "passed")


@app.command()
def coverage(context: typer.Context, agent: Agent, again: Again = False, json: AsJson = False) -> None:
    """What of an agent's code its tests run, lines and branches. Exits 1 below what the dimension Tests asks for."""
    from greenlang.quality.dimensions import DIMENSIONS

    report = _report(context, agent, again=again)
    measures = {(d.name, m.name): m for d in DIMENSIONS for m in d.measures}
    least = float(measures["tests", "coverage"].threshold)
    found = report.coverage
    percent = found.percent if found else None
    if json:
        as_json(
            _named(report)
            | {"coverage": percent, "least": least, "good": percent is not None and percent >= least}
            | (
                {}
                if found is None
                else asdict(found) | {"missing": {name: list(lines) for name, lines in found.missing}}
            )
        )
    elif found is None:
        typer.echo("no test ran, so nothing is covered")
    else:
        facts(
            [
                ("agent", f"{report.agent_id} {report.version}"),
                ("coverage", f"{percent:.1f} %, at least {least:g} % is asked for"),
                ("lines", f"{found.lines_covered} of {found.lines_total}"),
                ("branches", f"{found.branches_covered} of {found.branches_total}"),
                *((f"not run: {name}", ", ".join(map(str, lines))) for name, lines in found.missing),
            ]
        )
    _end(report, good=percent is not None and percent >= least)


@app.command()
def security(context: typer.Context, agent: Agent, again: Again = False, json: AsJson = False) -> None:
    """What the dimension Compliance and security found in an agent. Exits 1 if it did not pass."""
    _one_dimension(context, agent, "compliance_security", again=again, json=json)


@app.command()
def determinism(context: typer.Context, agent: Agent, again: Again = False, json: AsJson = False) -> None:
    """Whether an agent gives the same bytes whatever surrounds it. Exits 1 if it does not."""
    _one_dimension(context, agent, "determinism", again=again, json=json)


@app.command()
def benchmark(context: typer.Context, agent: Agent, calls: Calls = 1000, json: AsJson = False) -> None:
    """How fast an agent answers, measured inside the sandbox in one process, without a network."""
    from greenlang.factory.measure import speed

    found = asdict(speed(built_settings(context), pack_folder(context, agent), calls))
    if json:
        as_json(found)
        return
    facts([(name.replace("_", " "), f"{v:,.4g}" if isinstance(v, float) else f"{v:,}") for name, v in found.items()])


@app.command()
def profile(context: typer.Context, agent: Agent, calls: Calls = 2000, json: AsJson = False) -> None:
    """What memory an agent takes, measured inside the sandbox after few calls and after many."""
    from greenlang.factory.measure import memory

    found = memory(built_settings(context), pack_folder(context, agent), calls)
    if json:
        as_json(asdict(found))
        return
    facts(
        [
            (f"after {found.few} calls", f"{found.few_mb:.2f} MB above its process"),
            (f"after {found.calls:,} calls", f"{found.many_mb:.2f} MB"),
            ("growth", f"{found.per_thousand_mb:.3f} MB a thousand calls"),
        ]
    )


def _report(context: typer.Context, agent: str, *, again: bool) -> QualityReport:
    if again:
        return judged_again(built_settings(context), pack_folder(context, agent))
    return written_report(context, agent)


def _one_dimension(context: typer.Context, agent: str, name: str, *, again: bool, json: bool) -> None:
    report = _report(context, agent, again=again)
    dimension = next(d for d in report.dimensions if d.name == name)
    if json:
        as_json(_named(report) | asdict(dimension))
    else:
        _show_dimension(report, dimension)
    _end(report, good=dimension.status == "passed")


def _show_dimension(report: QualityReport, dimension: DimensionResult) -> None:
    """Foreign text must not steer the terminal."""
    from greenlang.pages import clean, figure

    score = "not measured" if dimension.score is None else f"{figure(dimension.score)} of 100"
    facts(
        [
            ("agent", f"{clean(report.agent_id)} {clean(report.version)}"),
            ("dimension", dimension.title),
            ("result", dimension.status.replace("_", " ")),
            ("score", f"{score}, at least {figure(dimension.threshold)}"),
            ("why", clean(dimension.reason)),
        ]
    )
    words = {None: "not measured", True: "met", False: "not met"}
    table(
        ("measure", "result", "found"),
        [(m.name, words[None if m.share is None else m.met], clean(m.text)) for m in dimension.measures],
    )
    for measure in dimension.measures:
        for detail in () if measure.met else measure.details:
            place = f"{detail.path}:{detail.line}: " if detail.path else ""
            mend = f" ({detail.mend})" if detail.mend else ""
            typer.echo(clean(f"{place}{detail.message}{mend}"))


def _named(report: QualityReport) -> dict[str, Any]:
    return {"agent_id": report.agent_id, "version": report.version}


def _end(report: QualityReport, *, good: bool) -> None:
    if report.mishap:
        raise typer.Exit(INFRASTRUCTURE)
    if not good:
        raise typer.Exit(NEGATIVE)
