"""The pages: the same words in every form, whole, escaped, the same from the same rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from pydantic import TypeAdapter
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.digest import charts, dashboard_markdown, dashboard_of, forms, night_of, page, summary_text
from greenlang.digest.board import dashboard_page
from greenlang.digest.night import Night
from greenlang.digest.page import Cell, Page
from greenlang.digest.telling import dollars, hours, morning_page
from greenlang.metrics import MetricsStore, RunInfo, query
from greenlang.settings import Settings
from tests import html
from tests.digest.nights import HOSTILE, four_nights

SECOND, LAST = date(2026, 11, 4), date(2026, 11, 6)
NIGHTS = [date(2026, 11, day) for day in (3, 4, 5, 6)]


@pytest.fixture(scope="module")
def told(settings: Settings) -> list[Page]:
    """Every night's report, and the dashboard."""
    return [*(morning_page(night_of(settings, day)) for day in NIGHTS), dashboard_page(dashboard_of(settings, LAST))]


def texts(told: Page) -> Iterator[str]:
    """Everything that a page says."""
    yield from (told.title, told.kicker, told.verdict, *told.sentences, told.foot)
    for figure in told.figures:
        yield from (figure.name, figure.value, figure.beside)
    for section in told.sections:
        yield from (section.title, *section.paragraphs, section.query)
        for chart in section.charts:
            yield from (chart.title, chart.words)
        for table in section.tables:
            yield from (table.caption, table.more, *(column.name for column in table.columns))
            for row in table.rows:
                yield from (cell.text if isinstance(cell, Cell) else cell for cell in row)


def words(text: str) -> str:
    return " ".join(text.split())


def test_html_and_markdown_say_the_same(told: list[Page]) -> None:
    for one in told:
        in_html = html.Page(page.html(one)).words
        rendered = MarkdownIt("commonmark").enable("table").render(page.markdown(one))
        in_markdown = html.Page(rendered).words
        for text in texts(one):
            assert words(text) in in_html
            assert words(text) in in_markdown


def test_pages_are_whole_load_nothing_and_run_nothing(told: list[Page]) -> None:
    for one in told:
        found = html.Page(page.html(one))
        assert len(found.ids) == len(set(found.ids))
        for tag in ("script", "img", "link", "iframe", "object"):
            assert found.all(tag) == []
        assert "default-src 'none'" in found.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
        addresses = [a["href"] for a in found.all("a")]
        assert {a.removeprefix("#") for a in addresses if a.startswith("#")} <= set(found.ids)
        assert all(a.startswith(("#", "../../reports/")) for a in addresses)
        assert [a for _, attributes in found.found for a in attributes if a.startswith("on")] == []
        assert all(svg.get("role") == "img" or svg.get("aria-hidden") == "true" for svg in found.all("svg"))


def test_a_hostile_name_stays_a_name(told: list[Page]) -> None:
    for one in (told[0], told[-1]):
        assert f"{HOSTILE} 1.0.0" in html.Page(page.html(one)).words
        assert "<script>" not in page.html(one)
        assert "<script>" not in page.markdown(one)
    assert "unknown unit `kWhh` | <b>" in html.Page(page.html(told[0])).words


def test_agents_lead_to_their_quality_report(settings: Settings) -> None:
    found = html.Page(forms(night_of(settings, SECOND))["html"])
    assert "../../reports/stove/index.html" in [a["href"] for a in found.all("a")]


def test_the_command_that_a_report_names_gives_what_it_counts(settings: Settings) -> None:
    night = night_of(settings, SECOND)
    command = next(s.query for s in morning_page(night).sections if s.id == "failed")
    sql = re.fullmatch('greenlang query "(.*)"', command)
    assert sql is not None
    rows = query(settings, sql[1]).as_dicts()
    assert {row["agent_id"] for row in rows} == {"heat/pump", "cold/store"}
    assert len(rows) == night.failed


def test_the_same_rows_give_the_same_bytes(settings: Settings, tmp_path: Path, told: list[Page]) -> None:
    again = four_nights(tmp_path / "var")
    assert forms(night_of(again, SECOND)) == forms(night_of(settings, SECOND))
    assert page.html(dashboard_page(dashboard_of(again, LAST))) == page.html(told[-1])


def test_a_factory_that_has_built_nothing_has_pages_too(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    empty = Settings(var=tmp_path / "var")
    assert "Nothing ran" in html.Page(forms(night_of(empty, SECOND))["html"]).words
    told = dashboard_page(dashboard_of(empty, LAST))
    assert told.verdict == "Nothing has been built yet"
    assert "No agent has been judged yet." in html.Page(page.html(told)).words


def test_json_reads_back_as_the_night(settings: Settings) -> None:
    night = night_of(settings, SECOND)
    assert TypeAdapter(Night).validate_json(forms(night)["json"]) == night


def test_the_first_words_say_what_the_night_was_like(told: list[Page], settings: Settings) -> None:
    assert [one.verdict for one in told] == [
        "3 specs failed, none of which was registered before",
        "1 agent fell: registered before, failed now",
        "1 run did not end",
        "Nothing ran",
        "63.6 % of all specs are registered",
    ]
    message = summary_text(night_of(settings, SECOND))
    assert message.startswith("GreenLang, the night to 2026-11-04: 1 agent fell: registered before, failed now\n")
    assert "- heat/pump 1.0.0: stale: the registered pack stays" in message
    assert "Models: 1.75 USD (2 calls)" in message


def test_the_command_line_writes_and_prints(settings: Settings, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["--var", str(settings.var), "factory", *arguments], env=_ENVIRONMENT)
        return done.exit_code, done.stdout

    code, printed = run("morning", "--night", "2026-11-04")
    folder = settings.var / "morning" / "2026-11-04"
    assert (code, printed.splitlines()[-1]) == (0, str(folder / "index.html"))
    assert {path.name for path in folder.iterdir()} == {"index.html", "report.md", "report.json"}
    code, printed = run("morning", "--night", "2026-11-04", "--format", "json")
    assert (code, printed) == (0, (folder / "report.json").read_text() + "\n")
    assert json.loads(printed)["rebuilt"] == 3
    code, _ = run("morning", "--night", "2026-11-04", "--format", "md", "-o", str(tmp_path / "x.md"))
    assert (tmp_path / "x.md").read_text() == (folder / "report.md").read_text()
    assert run("dashboard", "--night", "2026-11-06") == (0, f"{settings.var / 'dashboard' / 'index.html'}\n")
    assert dashboard_markdown(dashboard_of(settings, LAST)).startswith("# The factory, night by night")
    for wrong in (["--night", "2999-01-01"], ["--night", "yesterday"], ["-o", "x.md"]):
        assert run("morning", *wrong)[0] == 2


def test_without_a_night_what_has_just_run_is_told(tmp_path: Path) -> None:
    """Of the dashboard always; the report is of the last night that has ended, if anything ran by then."""

    def said(command: str) -> str:
        done = CliRunner().invoke(app, ["--var", str(tmp_path / "var"), "factory", command], env=_ENVIRONMENT)
        assert done.exit_code == 0, done.output
        return "under way" if "has not ended" in done.stderr else "ended"

    now = datetime.now(UTC)
    (tmp_path / "var").mkdir()
    store = MetricsStore(Settings(var=tmp_path / "var"))
    assert (said("dashboard"), said("morning")) == ("ended", "ended"), "nothing has run"
    store.write((), RunInfo("new", "batch", started_at=now, finished_at=now))
    assert (said("dashboard"), said("morning")) == ("under way", "under way")
    store.write((), RunInfo("old", "batch", started_at=now - timedelta(days=3), finished_at=now))
    assert (said("dashboard"), said("morning")) == ("under way", "ended")


_ENVIRONMENT = {"GREENLANG_TIMEZONE": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0.0, 8000.0, None, (0, 2000, 4000, 6000, 8000)),
        (0.0, 0.0, None, (0, 0.25, 0.5, 0.75, 1)),
        (93.2, 99.4, 100.0, (92, 94, 96, 98, 100)),
        (0.0, 0.0031, None, (0, 0.001, 0.002, 0.003, 0.004)),
    ],
)
def test_axes_have_round_figures_that_hold_what_is_drawn(
    low: float, high: float, most: float | None, ticks: tuple[float, ...]
) -> None:
    assert charts.scale(low, high, most) == ticks


def test_columns_stand_on_each_other_and_gaps_are_left_in_lines() -> None:
    nights = [date(2026, 11, 1) + timedelta(days=n) for n in range(3)]
    drawn = charts.columns("x", "X", "n", nights, {("a", "one"): [1, 0, 2], ("b", "two"): [3, 0, 2]}, words="")
    lower, upper = (re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", layer.path) for layer in drawn.columns)
    assert [top for _, top in lower] == [foot for foot, _ in upper]
    assert upper[0][1] == upper[1][1] == str(charts.TOP).removesuffix(".0"), (
        "both nights have four, the top of the axis"
    )
    assert [zone.words for zone in drawn.zones] == [
        "2026-11-01: a 1, b 3 (n)",
        "2026-11-02: nothing",
        "2026-11-03: a 2, b 2 (n)",
    ]
    marks = {nights[0]: "b after a"}
    line = charts.line("y", "Y", "%", nights, [1.0, None, 2.0], kind="one", words="", marks=marks)
    assert line.zones[0].words == "2026-11-01: 1 (%); b after a"
    assert len(line.marks) == 1
    assert line.line is not None
    assert line.line.path.count("M") == len(line.dots) == 2


def test_times_and_money_as_people_write_them() -> None:
    from decimal import Decimal

    assert [hours(s) for s in (0, 0.26, 59.9, 60, 3599.6, 90_000)] == [
        "0 s", "0.3 s", "59.9 s", "1 min 0 s", "1 h 0 min", "25 h 0 min",
    ]  # fmt: skip
    assert [dollars(Decimal(d)) for d in ("0", "0.00004", "0.0312", "1234.5")] == [
        "0.00 USD", "<0.0001 USD", "0.0312 USD", "1,234.50 USD",
    ]  # fmt: skip
