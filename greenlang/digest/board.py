"""The dashboard in words and charts: many nights as a page.

Belongs here: words and order. Does not belong here: figures (`series`), geometry (`charts`), marks (`page`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from greenlang.digest import charts
from greenlang.digest.page import Cell, Figure, Page, Section, Table, columns
from greenlang.digest.series import Dashboard, NightLine
from greenlang.digest.telling import (
    TAGS,
    count,
    dollars,
    factor_sentences,
    factor_tables,
    hours,
    slow_table,
    stage_table,
)

_PROVIDERS = 3  # told apart in the chart; the others are one
_KINDS = ("one", "two", "three", "four")
_FOOT = (
    "Made anew each night from the factory's rows; the same rows give the same page. What each figure means stands in "
    "docs/morning.md, and how to ask for every row in docs/metrics.md."
)


def dashboard_page(board: Dashboard) -> Page:
    """The dashboard as a page."""
    last = board.nights[-1]
    rate = last.pass_rate
    first = board.nights[0].name
    return Page(
        title="The factory, night by night",
        kicker=f"GreenLang dashboard · {count(len(board.nights), 'night')} to {last.name} · {board.timezone}",
        verdict="Nothing has been built yet" if rate is None else f"{100 * rate:.1f} % of all specs are registered",
        kind="",
        sentences=tuple(_sentences(board, first)),
        figures=tuple(_figures(board)),
        sections=tuple(_sections(board)),
        foot=_FOOT,
    )


def _sentences(board: Dashboard, first: date) -> Iterator[str]:
    ran = sum(1 for line in board.nights if line.runs)
    yield f"Something ran in {ran:,} of {count(len(board.nights), 'night')} since {first}."
    if board.nights[-1].release:
        yield f"Factors in force in the last run: {board.nights[-1].release}."


def _figures(board: Dashboard) -> Iterator[Figure]:
    last, nights = board.nights[-1], board.nights
    known = sum(last.standing.values())
    yield Figure("Registered", f"{last.standing.get('registered', 0):,}", f"of {known:,} specs", "passed")
    for outcome in ("incomplete", "quarantined", "refused", "infrastructure"):
        number = last.standing.get(outcome, 0)
        if number:
            yield Figure(outcome.capitalize(), f"{number:,}", f"{100 * number / known:.1f} %", TAGS[outcome])
    yield Figure("Built", f"{sum(line.built for line in nights):,}", f"in {count(len(nights), 'night')}")
    usd = sum((line.cost for line in nights[1:]), nights[0].cost)
    yield Figure("Models", dollars(usd), f"in {count(len(nights), 'night')}")


def _sections(board: Dashboard) -> Iterator[Section]:
    names = [line.name for line in board.nights]
    releases = [board.release_before, *(line.release for line in board.nights)]
    marks = {
        name: f"{now} after {before}"
        for name, before, now in zip(names, releases, releases[1:], strict=False)
        if before and now != before
    }
    yield _rate(board, names, marks)
    yield _work(board, names, marks)
    yield _dimensions(board)
    yield _releases(board)
    yield _lineage(board)
    tables = []
    if board.slowest.shown:
        tables.append(slow_table(board.slowest.shown, board.slowest.left, "Slowest agents, by their last build"))
    if board.stages:
        tables.append(stage_table(board.stages, "Stages of every agent's last build"))
    yield Section("slow", "Slowest agents", () if tables else ("Nothing was built.",), tables=tuple(tables))
    yield Section("nights", "Every night", ("The figures behind the charts.",), tables=(_nights(board.nights),))


def _rate(board: Dashboard, names: Sequence[date], marks: dict[date, str]) -> Section:
    rates = [None if line.pass_rate is None else 100 * line.pass_rate for line in board.nights]
    rate = charts.line(
        "rate",
        "Pass rate",
        "% of all known specs registered at the end of the night",
        names,
        rates,
        kind="registered",
        words=_course(names, rates, "%"),
        most=100.0,
        marks=marks,
    )
    layers = {(outcome, outcome): [float(line.outcomes.get(outcome, 0)) for line in board.nights] for outcome in TAGS}
    built = [line.built for line in board.nights]
    outcomes = charts.columns(
        "outcomes",
        "Outcomes",
        "specs built in the night",
        names,
        layers,
        words=_course(names, built, "specs"),
        marks=marks,
    )
    return Section("rate", "Pass rate", charts=(rate, outcomes))


def _work(board: Dashboard, names: Sequence[date], marks: dict[date, str]) -> Section:
    minutes = [line.seconds / 60 for line in board.nights]
    layers: dict[tuple[str, str], Sequence[float]] = {("minutes", "one"): minutes}
    took = charts.columns(
        "took", "Duration", "minutes of wall clock, all runs of the night", names, layers,
        words=_course(names, minutes, "minutes"), marks=marks,
    )  # fmt: skip
    p95 = charts.line(
        "agent", "Seconds an agent", "95th of 100 agents, its own stages", names, [line.p95 for line in board.nights],
        kind="one", words=_course(names, [line.p95 for line in board.nights], "seconds"), marks=marks,
    )  # fmt: skip
    spent: dict[str, float] = {}
    for line in board.nights:
        for provider, usd in line.usd.items():
            spent[provider] = spent.get(provider, 0.0) + float(usd)
    ranked = sorted(spent, key=lambda name: (-spent[name], name))
    own, rest = ranked[:_PROVIDERS], ranked[_PROVIDERS:]
    by_provider: dict[tuple[str, str], Sequence[float]] = {
        (name, kind): [float(line.usd.get(name, 0)) for line in board.nights]
        for name, kind in zip(own, _KINDS, strict=False)
    }
    if rest:
        by_provider["others", _KINDS[-1]] = [
            float(sum(line.usd.get(name, 0) for name in rest)) for line in board.nights
        ]
    usd_nights = [float(line.cost) for line in board.nights]
    cost = charts.columns(
        "cost", "Cost of language models", "US dollars by provider", names, by_provider,
        words=_course(names, usd_nights, "US dollars"), marks=marks,
    )  # fmt: skip
    paragraphs = () if any(usd_nights) else ("No language model was paid for in these nights.",)
    return Section("work", "Duration and cost", paragraphs, charts=(took, p95, *((cost,) if any(usd_nights) else ())))


def _dimensions(board: Dashboard) -> Section:
    if not board.dimensions:
        return Section("dimensions", "Quality dimensions", ("No agent has been judged yet.",))
    rows = tuple(
        (
            d.title,
            "yes" if d.required else "no",
            _share(d.passed, d.passed + d.failed),
            f"{d.failed:,}",
            f"{d.not_applicable:,}",
            "–" if d.score is None else f"{d.score:.2f}",
            Cell(_last(d.nights), spark=charts.spark(d.nights)),
        )
        for d in board.dimensions
    )
    names = columns(
        "dimension", "required", ">passed", ">failed", ">not applicable", ">mean score", "passed, by night (last)"
    )
    said = "As every agent stands after its last build; the small lines are the builds of each night, from 0 to 100 %."
    return Section("dimensions", "Quality dimensions", (said,), tables=(Table("Dimensions", names, rows),))


def _releases(board: Dashboard) -> Section:
    release = board.nights[-1].release
    if not board.releases:
        said = f"{release} is in force, and no other came in these nights." if release else "No run has named one yet."
        return Section("releases", "Factor releases", (said,))
    counted = (">changed", ">withdrawn", ">added", ">agents touched", ">rebuilt", ">failed")
    tables = [
        Table(
            "Releases that came into force, the newest first",
            columns("night", "release", "after", *counted),
            tuple(
                (
                    str(night), one.after, one.before, f"{one.changed:,}", f"{one.withdrawn:,}", f"{one.added:,}",
                    f"{one.touched:,}", f"{one.rebuilt:,}", f"{one.failed:,}",
                )
                for night, one in board.releases
            ),
            f"and {count(board.releases_left, 'earlier one')}" if board.releases_left else "",
        )
    ]  # fmt: skip
    _, last = board.releases[0]
    if last.rows.shown:
        tables.append(factor_tables(last, f"What {last.after} changed for agents"))
    return Section("releases", "Factor releases", tuple(factor_sentences(last)), tables=tuple(tables))


def _lineage(board: Dashboard) -> Section:
    kinds = ", ".join(count(board.pinned.get(kind, 0), one, many) for kind, one, many in _PINS)
    said = (
        f"{count(board.registered, 'registered agent')}; {board.with_factors:,} of them pin factors. In use: {kinds}."
    )
    if not board.datasets.shown:
        return Section("lineage", "Lineage", (said,))
    most = max(line.agents for line in board.datasets.shown)
    rows: tuple[tuple[str | Cell, ...], ...] = tuple(
        (
            Cell(line.name, code=True),
            f"{line.factors:,}",
            Cell(f"{line.agents:,}", share=line.agents / most),
            *(f"{line.domains[name]:,}" if name in line.domains else "–" for name in board.domains),
        )
        for line in board.datasets.shown
    )
    names = columns("dataset", ">rows in use", ">agents", *(f">{name}" for name in board.domains))
    datasets = Table(
        "Agents by the dataset that their factors come from, and by domain", names, rows,
        f"and {count(board.datasets.left, 'dataset')} more" if board.datasets.left else "",
    )  # fmt: skip
    top = board.factors.shown[0].agents
    used = Table(
        "Factor rows with the most agents",
        columns("factor row", ">agents", "citation"),
        tuple(
            (Cell(f.ref, code=True), Cell(f"{f.agents:,}", share=f.agents / top), f.citation)
            for f in board.factors.shown
        ),
        f"and {count(board.factors.left, 'row')} more" if board.factors.left else "",
    )
    return Section(
        "lineage", "Lineage", (said,), query='greenlang query "select * from lineage"', tables=(datasets, used)
    )


_PINS = (("factor", "factor row", ""), ("formula", "formula", ""), ("parameter", "parameter", ""))


def _nights(lines: Sequence[NightLine]) -> Table:
    rows = tuple(
        (
            str(line.name),
            f"{line.runs:,}",
            "–" if line.pass_rate is None else f"{100 * line.pass_rate:.2f}",
            f"{line.built:,}",
            *(f"{line.outcomes.get(outcome, 0):,}" for outcome in TAGS),
            f"{line.kept:,}",
            hours(line.seconds),
            *("–" if value is None else f"{value:,.2f}" for value in (line.p50, line.p95)),
            f"{line.cost:.4f}",
            line.release or "–",
        )
        for line in reversed(lines)
    )
    names = columns(
        "night", ">runs", ">pass rate, %", ">built", *(f">{outcome}" for outcome in TAGS), ">kept", ">took",
        ">p50 s", ">p95 s", ">USD", "factors",
    )  # fmt: skip
    return Table("Every night, the last first", names, rows, folded=True)


def _course(names: Sequence[date], values: Sequence[float | None], unit: str) -> str:
    """A series in a sentence: its ends, its least and its most."""
    known = [(value, name) for value, name in zip(values, names, strict=True) if value is not None]
    if not known:
        return "No figures yet."
    (first, begin), (last, end) = known[0], known[-1]
    (least, low), (most, high) = min(known), max(known)
    return (
        f"From {charts.label(first)} {unit} on {begin} to {charts.label(last)} {unit} on {end}; least "
        f"{charts.label(least)} on {low}, most {charts.label(most)} on {high}. Each night stands in the last table."
    )


def _share(part: int, whole: int) -> Cell:
    return Cell(f"{100 * part / whole:.1f} %", share=part / whole) if whole else Cell("–")


def _last(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * known[-1]:.1f} %" if known else "–"
