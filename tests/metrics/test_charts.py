"""What an answer looks like: tables, Parquet, charts, bars; and what cannot be drawn is said."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.errors import QueryError
from greenlang.metrics.charts import bars, chart_of, draw, unit_of
from greenlang.metrics.query import QueryResult
from greenlang.settings import Settings
from tests.metrics.nights import three_nights

Call = Callable[..., Result]
NIGHTS = QueryResult(
    ("night", "stage", "seconds", "builds"),
    ("DATE", "VARCHAR", "DOUBLE", "BIGINT"),
    [(date(2026, 11, day), stage, day / 2, day) for day in (18, 19) for stage in ("packaging", "tests")],
)
DOMAINS = QueryResult(
    ("domain", "cost_usd", "specs", "note"),
    ("VARCHAR", "DECIMAL(18,9)", "BIGINT", "VARCHAR"),
    [("heat", Decimal("2.5"), 4, ""), ("grid", Decimal("1.25"), None, ""), ("none", None, 1, "")],
)
NUMBERS = QueryResult(("score", "seconds"), ("DOUBLE", "DOUBLE"), [(90.0, 1.5), (None, 2.0), (95.0, 0.5)])


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """What is asked here changes nothing: one folder for all."""
    var = tmp_path_factory.mktemp("charts") / "var"
    var.mkdir()
    settings = Settings(var=var)
    three_nights(settings)
    return lambda *arguments: CliRunner().invoke(app, ["--var", str(settings.var), "query", *arguments])


def test_the_types_of_the_columns_choose_the_chart() -> None:
    line = chart_of(NIGHTS)
    assert (line.kind, line.x, line.series, line.numbers, line.left_out) == ("line", (0,), 1, (2,), ("columns builds",))
    bar = chart_of(DOMAINS)
    assert (bar.kind, bar.x, bar.numbers, bar.left_out) == ("bar", (0,), (1, 2), ("columns note",))
    point = chart_of(NUMBERS)
    assert (point.kind, point.x, point.numbers) == ("point", (0,), (1,))


@pytest.mark.parametrize(
    ("columns", "types", "rows", "said"),
    [
        (("a",), ("VARCHAR",), [("x",)], "the answer has a VARCHAR"),
        (("a",), ("DOUBLE",), [(1.0,)], "two numbers points"),
        (("a", "b"), ("DOUBLE", "DOUBLE"), [], "without rows"),
        (("a", "b"), ("VARCHAR", "INTEGER[]"), [("x", [1, 2])], r"b INTEGER\[\]"),
        (("a", "b"), ("DATE[]", "DECIMAL(18,9)[3]"), [([], [])], r"text and numbers bars"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    tmp_path: Path, columns: tuple[str, ...], types: tuple[str, ...], rows: list[tuple[object, ...]], said: str
) -> None:
    with pytest.raises(QueryError, match=said):
        draw(QueryResult(columns, types, rows), tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_many_rows_are_cut_and_told_of() -> None:
    many = QueryResult(("a", "n"), ("VARCHAR", "BIGINT"), [(str(n), n) for n in range(40)])
    assert chart_of(many).left_out == ("10 of 40 rows, after the first 30",)
    lines = QueryResult(NIGHTS.columns[:3], NIGHTS.types[:3], [(date(2026, 1, 1), str(n), 1.0) for n in range(15)])
    assert chart_of(lines).left_out == ("3 of 15 lines, after the first 12",)


@pytest.mark.parametrize("result", [NIGHTS, DOMAINS, NUMBERS], ids=["line", "bar", "point"])
def test_a_picture_shows_names_and_units_and_is_the_same_each_time(tmp_path: Path, result: QueryResult) -> None:
    chart = draw(result, tmp_path / "one.svg", title="a title")
    text = (tmp_path / "one.svg").read_text()
    name = result.columns[chart.numbers[0]]
    assert f">{name} [{unit_of(name)}]<" in text
    assert ">a title<" in text
    for label in {"line": ("packaging", "tests"), "bar": ("heat", "grid"), "point": ("score",)}[chart.kind]:
        assert f">{label}<" in text
    draw(result, tmp_path / "two.svg", title="a title")
    assert (tmp_path / "two.svg").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.svg", "two.svg"]


def test_a_png_is_a_png_and_another_ending_is_refused(tmp_path: Path) -> None:
    draw(DOMAINS, tmp_path / "a.PNG")
    data = (tmp_path / "a.PNG").read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert (data[:8], width > 600, height > 200) == (b"\x89PNG\r\n\x1a\n", True, True)
    with pytest.raises(QueryError, match=r"an \.svg or a \.png"):
        draw(DOMAINS, tmp_path / "a.pdf")


def test_without_matplotlib_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(QueryError, match=r"greenlang\[pipelines\]"):
        draw(DOMAINS, tmp_path / "a.svg")


def test_bars_are_as_long_as_their_numbers() -> None:
    assert bars(DOMAINS, width=4) == ["cost_usd [USD]", "heat ████ 2.5", "grid ██ 1.25", "none"]
    assert bars(NIGHTS, width=2)[1:3] == ["2026-11-18 packaging █▉ 9", "2026-11-18 tests     █▉ 9"]
    with pytest.raises(QueryError, match="points"):
        bars(NUMBERS)
    with pytest.raises(QueryError, match="below zero"):
        bars(QueryResult(("a", "n"), ("VARCHAR", "BIGINT"), [("x", -1)]))


def test_what_is_no_finite_number_is_left_out_and_told_of(tmp_path: Path) -> None:
    rows = [("a", 2.0), ("b", float("nan")), ("c", float("inf")), ("d", float("-inf")), ("e", None)]
    told = QueryResult(("name", "seconds"), ("VARCHAR", "DOUBLE"), list(rows))
    assert bars(told, width=2) == ["seconds [s]", "a ██ 2", "b  nan", "c  inf", "d  -inf", "e"]
    days = [(date(2026, 11, 1 + n), number) for n, (_, number) in enumerate(rows)]
    points = [(1.0, number) for _, number in rows]
    for kind, found in (("VARCHAR", rows), ("DATE", days), ("DOUBLE", points)):
        result = QueryResult(("name", "seconds"), (kind, "DOUBLE"), list(found))
        assert draw(result, tmp_path / "a.svg").left_out == ("NaN and infinity, in 3 of 5 rows",)


def test_a_list_is_printed_and_drawn_as_nothing(call: Call, tmp_path: Path) -> None:
    done = call("select 'a' as name, [1, 2] as found", "--chart", str(tmp_path / "a.svg"))
    assert (done.exit_code, "found INTEGER[]" in done.stderr) == (2, True)
    assert "1, 2" in call("select 'a' as name, [1, 2] as found").stdout


def test_a_table_has_units_below_the_names_and_figures_to_the_right(call: Call) -> None:
    done = call("--question", "slowest-agents", "--set", "rows=1")
    lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
    assert done.exit_code == 0
    head, below, _, row, count = lines
    edge = head.index("seconds") + len("seconds")
    assert (below[edge - 2 : edge], row[edge - 4 : edge]) == (" s", " 3.5"), lines
    assert count == "1 row"
    assert "0.3333\n" in call("select 1 / 3 as x").stdout.replace(" ", "")
    assert call("select 1 / 3 as x", "--csv").stdout == f"x\n{1 / 3!r}\n"


def test_parquet_keeps_the_types_of_the_answer(call: Call, tmp_path: Path) -> None:
    sql = "select agent_id, score, figures, finished_at, 1.10::decimal(10,2) as exact from agents order by agent_id"
    done = call(sql, "--parquet", str(tmp_path / "a.parquet"))
    assert (done.exit_code, done.stdout) == (0, f"4 rows in {tmp_path / 'a.parquet'}\n")
    made = pq.read_table(tmp_path / "a.parquet")
    assert [str(field.type).split("<")[0] for field in made.schema] == [
        *("string", "double", "map", "timestamp[us]", "decimal128(10, 2)")
    ]
    assert made.column("exact").to_pylist() == [Decimal("1.10")] * 4
    refused = call("copy (select 1) to 'x'", "--parquet", str(tmp_path / "b.parquet"))
    assert (refused.exit_code, (tmp_path / "b.parquet").exists()) == (2, False)


def test_a_chart_and_bars_of_a_question(call: Call, tmp_path: Path) -> None:
    done = call("-q", "pass-rate-by-domain", "--chart", str(tmp_path / "a.svg"))
    assert done.stdout.startswith("bar chart of pass_percent, specs, registered, average_score by domain in ")
    assert ">heat<" in (tmp_path / "a.svg").read_text()
    assert call("-q", "pass-rate-by-domain", "--bars").stdout.splitlines()[0] == "pass_percent [%]"


def test_a_night_and_parameters_reach_the_query(call: Call) -> None:
    counted = ("select count(*) as n from history where outcome = $what", "--set", "what=quarantined", "--json")
    assert json.loads(call(*counted).stdout) == [{"n": 1}]
    assert json.loads(call(*counted, "--night", "2026-11-18").stdout) == [{"n": 0}]


def test_the_questions_are_listed(call: Call) -> None:
    listed = json.loads(call("--list", "--json").stdout)
    assert len(listed) == 12
    assert next(one for one in listed if one["name"] == "slowest-agents")["parameters"] == {
        "rows": {"default": "20", "meaning": "how many agents"}
    }
    assert "pass-rate-by-domain" in call("--list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--question NAME"),
        (("select 1", "-q", "dialect-mix"), "--question NAME"),
        (("select 1", "--csv", "--bars"), "exclude each other"),
        (("select $x", "--set", "x"), "NAME=VALUE"),
        (("-q", "nothing"), "there are changed-between-nights"),
        (("select 1", "--night", "once"), "is no night"),
        (("select agent_id from agents", "--bars"), "no chart of these columns"),
    ],
)
def test_wrong_use_is_told(call: Call, arguments: tuple[str, ...], said: str) -> None:
    done = call(*arguments)
    assert (done.exit_code, said in done.stderr.replace("\n", " ")) == (2, True), done.stderr
