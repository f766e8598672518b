"""The morning report in words: a night as a page, and in a few lines for a message.

Belongs here: words and order. Does not belong here: figures (`night`, `changes`), marks (`page`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from greenlang.digest.changes import FactorChange, FactorRow
from greenlang.digest.night import Agent, Night, Slow, Stage
from greenlang.digest.page import Cell, Figure, Kind, Page, Section, Table, columns
from greenlang.pages import figure

TAGS: dict[str, Kind] = {
    "registered": "passed",
    "incomplete": "warning",
    "quarantined": "failed",
    "refused": "idle",
    "infrastructure": "warning",
}
_REASON = 300  # characters of a reason; the whole one stands in the row
_FOOT = (
    "Made from the factory's rows; the same rows give the same report. What each figure means stands in "
    "docs/morning.md, and how to ask for every row in docs/metrics.md."
)


def morning_page(night: Night) -> Page:
    """The report as a page."""
    verdict, kind = _verdict(night)
    begin, end = (_local(night, moment) for moment in (night.begin, night.end))
    return Page(
        title=f"The night to {night.name:%Y-%m-%d}",
        kicker=f"GreenLang morning report · {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {night.timezone}",
        verdict=verdict,
        kind=kind,
        sentences=tuple(_sentences(night)),
        figures=tuple(_figures(night)),
        sections=tuple(_sections(night)),
        foot=_FOOT,
    )


def summary_text(night: Night) -> str:
    """The night in a few lines of plain text, for a message; the first line fits a subject."""
    verdict, _ = _verdict(night)
    lines = [f"GreenLang, the night to {night.name:%Y-%m-%d}: {verdict}", "", *_sentences(night)]
    lines += ["", *(f"{f.name}: {f.value}{f' ({f.beside})' if f.beside else ''}" for f in _figures(night))]
    for title, found in (("Registered before, failed now", night.fallen), ("New", night.added)):
        if found.shown:
            lines += ["", f"{title}:", *(f"- {' '.join(_agent_line(one).split())}" for one in found.shown[:5])]
            left = len(found.shown) - 5 + found.left
            lines += [f"- and {left:,} more"] if left > 0 else []
    return "\n".join(lines) + "\n"


def hours(seconds: float) -> str:
    """A time for people: seconds, minutes and seconds, or hours and minutes."""
    if seconds < 60:
        return f"{figure(round(seconds, 1))} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def dollars(usd: Decimal) -> str:
    """US dollars: cents, and more digits where there are no whole ones."""
    return (
        f"{usd:,.2f} USD" if usd == 0 or usd >= 1 else f"{usd:.4f} USD" if usd >= Decimal("0.0001") else "<0.0001 USD"
    )


def count(number: int, one: str, many: str = "") -> str:
    """A number and what it counts."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def stage(name: str) -> str:
    """A stage as people read it."""
    return name.replace("_", " ")


def slow_table(found: tuple[Slow, ...], left: int, caption: str) -> Table:
    """The slowest agents, with a bar for their seconds."""
    most = max((one.seconds for one in found), default=1.0)
    rows = tuple(
        (one.spec, Cell(f"{one.seconds:,.2f}", share=one.seconds / most), stage(one.stage), f"{one.stage_seconds:,.2f}")
        for one in found
    )
    return Table(caption, columns("agent", ">seconds", "longest stage", ">seconds of it"), rows, _more(left, "agent"))


def stage_table(found: tuple[Stage, ...], caption: str) -> Table:
    """Where the seconds go, by stage."""
    total = sum(one.seconds for one in found) or 1.0
    rows = tuple(
        (
            stage(one.name),
            Cell(f"{one.seconds:,.1f}", share=one.seconds / total),
            f"{100 * one.seconds / total:.1f} %",
            f"{one.agents:,}",
            f"{one.mean:,.3f}",
            f"{one.p95:,.3f}",
        )
        for one in found
    )
    names = columns("stage", ">seconds in all", ">share", ">agents", ">mean seconds", ">p95 seconds")
    return Table(caption, names, rows)


def factor_tables(change: FactorChange, caption: str) -> Table:
    """Changed factor rows that agents pinned, those with the most agents first."""
    rows = tuple(
        (
            Cell(row.key, code=True),
            row.what,
            _value(row.old),
            _value(row.new),
            row.unit,
            _relative(row),
            f"{row.agents:,}",
        )
        for row in change.rows.shown
    )
    names = columns("factor row", "what", ">old", ">new", "unit", ">change", ">agents")
    return Table(
        caption,
        names,
        rows,
        _more(change.rows.left, "changed row that agents pinned", "changed rows that agents pinned"),
    )


def factor_sentences(change: FactorChange) -> Iterator[str]:
    """What another release changed, and whom it touched."""
    counts = f"{change.changed:,} changed, {change.withdrawn:,} withdrawn, {change.added:,} added"
    if change.compared:
        yield f"{change.after} came into force after {change.before}: {counts}."
    else:
        yield (
            f"{change.after} came into force after {change.before}. They are not both stored releases, so only what "
            f"agents pin tells of changes: {count(change.changed, 'row')}."
        )
    if change.touched:
        yield (
            f"It touched {count(change.touched, 'agent')}: {change.rebuilt:,} rebuilt, {change.failed:,} failed, "
            f"{change.waiting:,} not tried yet."
        )
    else:
        yield "It touched no agent."


def _verdict(night: Night) -> tuple[str, Kind]:
    if not night.runs.shown:
        return "Nothing ran", "idle"
    if night.fell:
        return f"{count(night.fell, 'agent')} fell: registered before, failed now", "failed"
    if night.unfinished:
        return f"{count(night.unfinished, 'run')} did not end", "warning"
    if night.failed:
        return f"{count(night.failed, 'spec')} failed, none of which was registered before", "warning"
    return "All is well" if night.built else "Nothing had changed", "passed"


def _sentences(night: Night) -> Iterator[str]:
    known, registered = sum(night.standing.values()), night.standing.get("registered", 0)
    if known:
        share = f"{100 * registered / known:.1f} %"
        yield f"Of {count(known, 'spec')} that the factory knows, {registered:,} are registered ({share})."
    if not night.runs.shown:
        yield "No run began in this night. If one was due, look at the schedules and the daemon."
    if night.unfinished:
        yield f"{count(night.unfinished, 'run')} had not ended: still at work, or killed. What it built counts here."
    if night.release:
        changed = night.factors
        yield f"Factors in force: {night.release}{f', after {changed.before}' if changed else ''}."


def _figures(night: Night) -> Iterator[Figure]:
    yield Figure("New", f"{night.new:,}", "registered for the first time", "passed" if night.new else "")
    yield Figure("Rebuilt", f"{night.rebuilt:,}", f"{night.same_pack:,} of them byte for byte the same")
    yield Figure("Kept", f"{night.kept:,}", "looked at, nothing had changed")
    yield Figure("Mended", f"{night.mended:,}", "had failed, registered now", "passed" if night.mended else "")
    yield Figure("Fell", f"{night.fell:,}", "registered before, failed now", "failed" if night.fell else "")
    beside = f"{night.failed_new:,} new, {night.failed_again:,} as before, {night.fell:,} fell"
    yield Figure("Failed", f"{night.failed:,}", beside, "warning" if night.failed else "")
    yield Figure("Repaired", f"{night.repaired:,}", "by the repair ladder")
    calls = sum(cost.calls for cost in night.costs)
    yield Figure("Models", dollars(night.usd), count(calls, "call"))
    yield Figure("Run time", hours(night.seconds), count(len(night.runs.shown) + night.runs.left, "run"))
    touched = night.factors.touched if night.factors else 0
    yield Figure("Touched by factors", f"{touched:,}", "agents", "warning" if touched else "")


def _sections(night: Night) -> Iterator[Section]:
    yield _failed(night)
    yield _made(night)
    change = night.factors
    if change is None:
        said = f"{night.release} is in force, as before." if night.release else "No run has named a factor release yet."
        yield Section("factors", "Factor changes", (said,))
    else:
        table = (factor_tables(change, "Changed rows that agents pinned"),) if change.rows.shown else ()
        yield Section("factors", "Factor changes", tuple(factor_sentences(change)), tables=table)
    yield _cost(night)
    tables = []
    if night.slowest.shown:
        tables.append(slow_table(night.slowest.shown, night.slowest.left, "Slowest agents"))
    if night.stages:
        tables.append(stage_table(night.stages, "Stages, the longest first"))
    said = f"The stages of all agents took {hours(night.build_seconds)}; several run at a time."
    yield Section("slow", "Slowest", (said,) if tables else ("Nothing was built.",), tables=tuple(tables))
    yield _runs(night)


def _failed(night: Night) -> Section:
    if not night.failed:
        return Section("failed", "What failed, and why", ("Nothing.",))
    tables = []
    if night.fallen.shown:
        rows = tuple((_spec(one), _tag(one.outcome), _cut(one.reason)) for one in night.fallen.shown)
        more = _more(night.fallen.left, "agent")
        tables.append(Table("Registered before, failed now", columns("agent", "now", "why"), rows, more))
    alike = tuple(
        (
            group.kind,
            _tag(group.outcome),
            f"{group.agents:,}",
            _examples(group.examples, group.agents),
            _cut(group.reason),
        )
        for group in night.failures.shown
    )
    names = columns("kind", "outcome", ">specs", "which", "why the first of them")
    tables.append(Table("All failures by kind", names, alike, _more(night.failures.left, "kind")))
    runs = f"select run_id from runs where started_at >= '{night.begin}' and started_at < '{night.end}'"  # noqa: S608
    every = f"select * from history where outcome <> 'registered' and run_id in ({runs})"  # noqa: S608
    return Section("failed", "What failed, and why", query=f'greenlang query "{every}"', tables=tuple(tables))


def _made(night: Night) -> Section:
    tables = []
    if night.added.shown:
        new = tuple((_spec(one), f"{one.seconds:,.2f}") for one in night.added.shown)
        more = _more(night.added.left, "agent")
        tables.append(Table("Registered for the first time", columns("agent", ">seconds"), new, more))
    if night.healed.shown:
        healed = tuple((_spec(one), _tag(one.was), f"{one.seconds:,.2f}") for one in night.healed.shown)
        more = _more(night.healed.left, "agent")
        tables.append(Table("Had failed, registered now", columns("agent", "before", ">seconds"), healed, more))
    if night.causes:
        most = max(cause.agents for cause in night.causes)
        causes = tuple((cause.name, Cell(f"{cause.agents:,}", share=cause.agents / most)) for cause in night.causes)
        more = "An agent counts for each thing that changed." if len(night.causes) > 1 else ""
        tables.append(Table("Rebuilt, by what had changed", columns("what", ">agents"), causes, more))
    return Section("made", "New and rebuilt", () if tables else ("Nothing.",), tables=tuple(tables))


def _cost(night: Night) -> Section:
    if not night.costs:
        return Section("cost", "Cost", ("No language model was asked.",))
    rows = tuple(
        (cost.provider, f"{cost.calls:,}", f"{cost.replayed:,}", f"{cost.tokens:,}", dollars(cost.usd),
         dollars(cost.estimated_usd))
        for cost in night.costs
    )  # fmt: skip
    names = columns("provider", ">calls", ">replayed", ">tokens", ">cost", ">of it worst case")
    return Section("cost", "Cost", tables=(Table("Language models by provider", names, rows),))


def _runs(night: Night) -> Section:
    if not night.runs.shown:
        return Section("runs", "Runs", ("None.",))
    rows = tuple(
        (
            Cell(run.run_id, code=True),
            run.entrance,
            f"{_local(night, run.started_at):%H:%M:%S}",
            "not ended" if run.seconds is None else hours(run.seconds),
            f"{run.agents:,}",
            f"{run.kept:,}",
            f"{run.registered:,}",
            f"{run.failed:,}",
            run.factor_release,
        )
        for run in night.runs.shown
    )
    names = columns("run", "entrance", "began", ">took", ">specs", ">kept", ">registered", ">failed", "factors")
    return Section(
        "runs", "Runs", tables=(Table("Runs, the largest first", names, rows, _more(night.runs.left, "run")),)
    )


def _spec(one: Agent) -> Cell:
    """An agent, linked to its quality report as seen from the folder of this one."""
    return Cell(one.spec, href=f"../../{quote(one.report)}/index.html" if one.report else "")


def _agent_line(one: Agent) -> str:
    return f"{one.spec}: {_cut(one.reason)}" if one.reason else one.spec


def _tag(outcome: str) -> Cell:
    return Cell(outcome, tag=TAGS.get(outcome, "idle"))


def _examples(names: tuple[str, ...], every: int) -> str:
    left = every - len(names)
    return ", ".join(names) + (f" and {left:,} more" if left else "")


def _cut(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[: _REASON - 1]}…"


def _more(left: int, one: str, many: str = "") -> str:
    return f"and {count(left, one, many)} more" if left else ""


def _value(value: Decimal | None) -> str:
    return "–" if value is None else f"{value.normalize():f}"


def _relative(row: FactorRow) -> str:
    return "–" if row.relative is None else f"{100 * row.relative:+.2f} %"


def _local(night: Night, moment: datetime) -> datetime:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(night.timezone))
