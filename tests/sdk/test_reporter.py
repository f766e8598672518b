"""Reports: the same data gives the same bytes, and nothing in the data breaks out of its place."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import pytest
from greenlang_sdk.models import Record
from greenlang_sdk.reporter import Figure, Figures, Listing, Paragraph, Report, ReporterAgent
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.agents import Share

FORMATS = ("markdown", "html", "json", "csv")


class ShareReport(ReporterAgent):
    agent_id = "test/report"
    version = "1.0.0"
    title = "Share & more"
    sections = (
        Paragraph("Scope", "What a part comes to."),
        Figures("Result", (Figure("Share", "data.share", "kg"), Figure("Provenance", "provenance"))),
        Listing("Sources", "citations", (Figure("reference", "ref"), Figure("source", "text", "-"))),
    )


class Names(ReporterAgent):
    agent_id = "test/names"
    version = "1.0.0"
    title = "Names"
    sections = (Listing("Names", "names", (Figure("name", "name"),)),)


def render(agent: ReporterAgent, data: dict[str, Any], form: str = "markdown") -> Report:
    result = agent.run({"format": form, "data": data})
    assert result.data is not None, result.errors
    return result.data


def names(form: str, *values: object) -> str:
    return render(Names(), {"names": [{"name": value} for value in values]}, form).text


def share() -> dict[str, object]:
    return Share().run({"amount": 10}).as_dict() | {"provenance": "ab12"}


class Kind(Enum):
    COLD = "cold"


class Day(Record):
    day: date
    kind: Kind


def test_a_record_is_data_as_well() -> None:
    class Days(ShareReport):
        sections = (Figures("Day", (Figure("on", "day"), Figure("it was", "kind"))),)

    report = Days().run({"format": "csv", "data": Day(day=date(2024, 2, 29), kind=Kind.COLD)}).data
    assert report is not None
    assert "Day,1,value,2024-02-29" in report.text
    assert "Day,2,value,cold" in report.text


def test_markdown() -> None:
    report = render(ShareReport(), share())
    assert report.media_type == "text/markdown; charset=utf-8"
    assert report.text == (
        "# Share \\& more\n\n"
        "## Scope\n\nWhat a part comes to.\n\n"
        "## Result\n\n|  | value | unit |\n| --- | --- | --- |\n| Share | 1.667 | kg |\n| Provenance | ab12 |  |\n\n"
        "## Sources\n\n| reference | source \\[-\\] |\n| --- | --- |\n| ef://epa/x | Table 1 |\n"
    )


def test_html() -> None:
    report = render(ShareReport(), share(), "html")
    assert report.media_type == "text/html; charset=utf-8"
    assert report.text == (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Share &amp; more</title>\n'
        "<h1>Share &amp; more</h1>\n<h2>Scope</h2>\n<p>What a part comes to.</p>\n<h2>Result</h2>\n<table>\n"
        "<tr><th></th><th>value</th><th>unit</th></tr>\n<tr><td>Share</td><td>1.667</td><td>kg</td></tr>\n"
        "<tr><td>Provenance</td><td>ab12</td><td></td></tr>\n</table>\n<h2>Sources</h2>\n<table>\n"
        "<tr><th>reference</th><th>source [-]</th></tr>\n<tr><td>ef://epa/x</td><td>Table 1</td></tr>\n"
        "</table>\n</html>\n"
    )


def test_json_keeps_texts_of_numbers_and_kinds_of_values() -> None:
    report = render(ShareReport(), share(), "json")
    assert report.media_type == "application/json"
    assert json.loads(report.text) == {
        "title": "Share & more",
        "sections": [
            {"title": "Scope", "text": "What a part comes to."},
            {
                "title": "Result",
                "columns": ["", "value", "unit"],
                "rows": [["Share", "1.667", "kg"], ["Provenance", "ab12", ""]],
            },
            {"title": "Sources", "columns": ["reference", "source [-]"], "rows": [["ef://epa/x", "Table 1"]]},
        ],
    }
    assert json.loads(names("json", None, True, 3))["sections"][0]["rows"] == [[None], [True], [3]]


def test_csv_has_a_line_for_each_value() -> None:
    report = render(ShareReport(), share(), "csv")
    assert report.media_type == "text/csv; charset=utf-8"
    assert list(csv.reader(io.StringIO(report.text, newline=""))) == [
        ["section", "row", "column", "value"],
        ["Scope", "", "", "What a part comes to."],
        ["Result", "1", "", "Share"],
        ["Result", "1", "value", "1.667"],
        ["Result", "1", "unit", "kg"],
        ["Result", "2", "", "Provenance"],
        ["Result", "2", "value", "ab12"],
        ["Result", "2", "unit", ""],
        ["Sources", "1", "reference", "ef://epa/x"],
        ["Sources", "1", "source [-]", "Table 1"],
    ]


@pytest.mark.parametrize("value", ["=1+1", "+1+1", "-1+1", "@x", "\tx", "\rx", "--1"])
def test_a_text_that_a_spreadsheet_would_calculate_is_disarmed(value: str) -> None:
    rows = list(csv.reader(io.StringIO(names("csv", value), newline="")))
    assert rows[1][3] == f"'{value}"


@pytest.mark.parametrize(("value", "text"), [(Decimal("-5.50"), "-5.5"), ("-5.5", "-5.5"), (-5, "-5"), ("a-b", "a-b")])
def test_a_number_of_a_spreadsheet_stays_one(value: object, text: str) -> None:
    rows = list(csv.reader(io.StringIO(names("csv", value), newline="")))
    assert rows[1][3] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (3, "3"), (Decimal("1E+2"), "100"), ([1, "a"], '\\[1,"a"\\]'), (0.5, "0.5")],
)
def test_values_as_a_person_reads_them(value: object, text: str) -> None:
    assert names("markdown", value).splitlines()[-1] == f"| {text} |"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1. item", "1\\. item"), ("# no", "\\# no"), ("- a\n- b", "\\- a - b"), ("===", "\\==="), ("a - b", "a - b")],
)
def test_no_paragraph_becomes_a_list_or_a_heading(text: str, shown: str) -> None:
    class Said(ReporterAgent):
        agent_id = "test/said"
        version = "1.0.0"
        title = "Said"
        sections = (Paragraph("Said", text),)

    assert render(Said(), {}).text.splitlines()[-1] == shown


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.inside = tag == "td"
        self.cells += [""] if self.inside else []

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@settings(deadline=None)
@given(TEXTS)
def test_no_text_becomes_markup_in_html(text: str) -> None:
    parser = Collector()
    parser.feed(names("html", text))
    parser.close()
    assert parser.tags == ["html", "meta", "title", "h1", "h2", "table", "tr", "th", "tr", "td"]
    assert parser.cells[0] == text


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_text_adds_a_line_or_a_cell_in_markdown(text: str) -> None:
    lines = names("markdown", text).split("\n")
    assert len(lines) == 8
    assert lines[6].replace("\\\\", "").replace("\\|", "").count("|") == 2
    assert "<" not in lines[6].replace("\\<", "")


@settings(deadline=None)
@given(TEXTS)
def test_every_text_comes_back_from_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(names("csv", text), newline="")))
    assert len(rows) == 2
    assert rows[1][3] in (text, f"'{text}")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_data_gives_the_same_bytes(form: str) -> None:
    data = share()
    turned = dict(reversed(data.items()))
    first, second = (ShareReport().run({"format": form, "data": d}) for d in (data, turned))
    assert first.canonical() == second.canonical()
    assert len(first.provenance) == 64


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "data.data.share"),
        ({"data": {"share": 1}}, "data.provenance"),
        ({"data": 5}, "data.data.share"),
        ({"data": {"share": 1}, "provenance": "x", "citations": {}}, "data.citations"),
        ({"data": {"share": 1}, "provenance": "x", "citations": [{"ref": "r"}]}, "data.citations.0.text"),
        ({"data": {"share": 1}, "provenance": "x", "citations": ["r"]}, "data.citations.0.ref"),
    ],
)
def test_data_without_a_declared_place_is_refused_by_its_path(data: dict[str, Any], field: str) -> None:
    result = ShareReport().run({"data": data})
    assert result.error is not None
    assert (result.error.code, result.error.field) == ("invalid_input", field)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_place_in_a_list_is_a_number(number: int) -> None:
    class Nth(ReporterAgent):
        agent_id = "test/nth"
        version = "1.0.0"
        title = "Nth"
        sections = (Figures("Nth", (Figure("it", f"all.{number}"),)),)

    result = Nth().run({"data": {"all": ["a", "b"]}})
    assert result.success == (number < 2)


@pytest.mark.parametrize(
    "payload", [{"data": {"x": object()}}, {"data": {"x": float("inf")}}, {"format": "pdf", "data": {}}, {"data": []}]
)
def test_data_that_json_cannot_hold_and_other_formats_are_the_user_s_mistakes(payload: dict[str, object]) -> None:
    result = ShareReport().run(payload)
    assert result.error is not None
    assert result.error.code == "invalid_input"
