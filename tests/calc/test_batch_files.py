"""Files in and out: Parquet, CSV and Excel, odd names, any order of rows, any number of threads."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from greenlang.calc import CalculationEngine
from greenlang.calc.batch import run_batch
from greenlang.calc.batch_certificate import beside, read_batch_certificate
from tests.calc.batch_example import ACTIVITIES, BY_GAS, batch, listed, mapping, refused, results, statuses, write


def many(count: int) -> list[dict[str, Any]]:
    """Rows of all sorts, good and bad."""
    units = ("kWh", "MWh", "MJ", "blorp", None)
    fuels = ("gas", "wood", "unicorn")
    return [
        {
            "id": f"row {n}",
            "amount": None if n % 97 == 0 else "x" if n % 89 == 0 else f"{n * 7919 % 100_003 / 100:.2f}",
            "unit": units[n % 31 % 5] if n % 5 == 0 else "kWh",
            "fuel": fuels[n % 17 % 3] if n % 7 == 0 else "gas",
        }
        for n in range(count)
    ]


def shuffled(rows: list[dict[str, Any]], step: int) -> list[dict[str, Any]]:
    """The rows in another order."""
    return sorted(rows, key=lambda row: (int(row["id"].split()[1]) * step % len(rows), row["id"]))


@pytest.mark.slow
def test_threads_and_the_order_of_rows_change_nothing(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = many(70_000)  # more than one chunk
    made = {}
    for threads, step in ((1, 1), (2, 7), (8, 4999)):
        folder = tmp_path / str(threads)
        folder.mkdir()
        found = batch(folder, engine, BY_GAS, shuffled(rows, step), threads=threads)
        made[threads] = (found.certificate.content["proof"], found.counts, found.totals, results(found))
    assert len(made[1][0]["chunks"]) == 16
    assert made[1] == made[2] == made[8]


def test_the_root_does_not_depend_on_the_order_of_rows(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = many(300)
    roots = {batch(tmp_path, engine, BY_GAS, shuffled(rows, step)).certificate.root for step in (1, 7, 11)}
    assert len(roots) == 1
    other = [*rows[:-1], {**rows[-1], "amount": "1.01"}]
    assert batch(tmp_path, engine, BY_GAS, other).certificate.root not in roots


def test_the_same_batch_has_the_same_certificate(tmp_path: Path, engine: CalculationEngine) -> None:
    one = batch(tmp_path, engine, BY_GAS, ACTIVITIES, threads=1).certificate
    text = (tmp_path / "results.batch-certificate.json").read_bytes()
    batch(tmp_path, engine, BY_GAS, ACTIVITIES, threads=2)
    assert (tmp_path / "results.batch-certificate.json").read_bytes() == text
    assert read_batch_certificate(text) == one


def test_csv_gives_what_parquet_gives(tmp_path: Path, engine: CalculationEngine) -> None:
    expected = batch(tmp_path, engine, BY_GAS, ACTIVITIES)
    for delimiter in ",;\t|":
        path = tmp_path / "activities.csv"
        lines = [delimiter.join(ACTIVITIES[0]), *(delimiter.join(row.values()) for row in ACTIVITIES)]
        path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
        made = batch(tmp_path, engine, BY_GAS, path)
        assert made.certificate.root == expected.certificate.root, delimiter


def test_a_line_that_cannot_be_read_is_a_row_with_a_reason(tmp_path: Path, engine: CalculationEngine) -> None:
    path = tmp_path / "activities.csv"
    path.write_bytes(
        b'id,amount,unit,fuel\na,1,kWh,gas\nb,1,kWh\nc,1,kWh,gas,more\n"d, d",1,kWh,"g""as"\n'
        b"e,1,kWh,caf\xe9\nf,,kWh,gas\n"
    )
    made = batch(tmp_path, engine, BY_GAS, path)
    rows = listed(made)
    assert made.counts == {"factor_refused": 1, "missing_input": 1, "ok": 1, "unreadable": 3}
    assert {row["id"] for row in rows if row["id"]} == {"a", "d, d", "f"}
    assert sorted(row["reason"] for row in rows if row["status"] == "unreadable") == [
        "a line of the file is no row: it has fewer cells than the header: `b,1,kWh`",
        "a line of the file is no row: it has more cells than the header: `c,1,kWh,gas,more`",
        "a line of the file is no row: it is not UTF-8: `e,1,kWh,caf?`",
    ]


def test_excel_gives_what_parquet_gives(tmp_path: Path, engine: CalculationEngine) -> None:
    expected = batch(tmp_path, engine, BY_GAS, ACTIVITIES)
    path = tmp_path / "activities.xlsx"
    cells = [[*row.values()] for row in ACTIVITIES]
    numbers = [[row[0], float(row[1]), *row[2:]] for row in cells]
    numbers[2][1] = 3.33330000000000004  # float noise of a spreadsheet
    workbook(path, {"Notes": [["x"]], "Data": [[*ACTIVITIES[0]], *numbers, ["", "", "", ""]]})
    made = batch(tmp_path, engine, BY_GAS + "sheet: Data", path)
    assert made.certificate.root == expected.certificate.root
    other = tmp_path / "other"
    other.mkdir()
    (mistake,) = refused(other, engine, BY_GAS + "sheet: Dat", path)
    assert str(mistake) == "sheet: there is no sheet `Dat`; did you mean `Data`?"


def test_odd_names_of_columns_and_files(tmp_path: Path, engine: CalculationEngine) -> None:
    folder = tmp_path / "a [1] *?"
    folder.mkdir()
    rows = [{'my "id"': "it's", "Menge, Größe": "5", "sel/ect": "gas", "ort|x": "a|b:c"}]
    text = """
formula: carbon/test/by-gas
id: 'my "id"'
inputs: {energy: {column: "Menge, Größe"}}
factors:
  ef_co2: ef://epa/fuels/2024/gas
  ef_ch4: {select: {activity: {column: sel/ect}, source: epa}}
context: {gwp_set: AR5GWP100}
carry: ort|x
outputs: {co2e: "CO2e 'all'"}
"""
    made = batch(folder, engine, text, write(folder / "act[1]*.parquet", rows))
    (row,) = listed(made)
    assert (row["status"], str(row["CO2e 'all'"]), row["ort|x"]) == ("ok", "0.896666", "a|b:c")


def test_ids_may_have_several_columns(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = [{**ACTIVITIES[0], "id": "a", "line": line} for line in ("1", "2", "2", None)]
    made = batch(tmp_path, engine, BY_GAS.replace("id: id", "id: [id, line]"), rows)
    assert sorted(row["status"] for row in listed(made)) == ["doubled_id", "doubled_id", "missing_id", "ok"]


def test_an_older_result_stays_until_the_new_one_is_whole(tmp_path: Path, engine: CalculationEngine) -> None:
    made = batch(tmp_path, engine, BY_GAS, ACTIVITIES)
    before = made.results.read_bytes(), beside(made.results).read_bytes()
    (tmp_path / "sub").mkdir()
    broken = tmp_path / "sub" / "activities.parquet"
    broken.write_bytes(b"PAR1 nothing")
    found, mistakes = run_batch(broken, mapping(BY_GAS), made.results, engine)
    assert found is None
    assert str(mistakes[0]).startswith("activities: activities.parquet cannot be read: ")
    assert (made.results.read_bytes(), beside(made.results).read_bytes()) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "nothing is left behind"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.parquet", "there is no file"),
        ("data.json", "neither Parquet, CSV nor Excel"),
        ("x.csv", "names no column"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, engine: CalculationEngine, name: str, message: str) -> None:
    path = tmp_path / name
    if not name.startswith("none"):
        path.write_text("\n")
    assert message in str(refused(tmp_path, engine, BY_GAS, path)[0])


def test_results_are_activities_again(tmp_path: Path, engine: CalculationEngine) -> None:
    first = batch(tmp_path, engine, BY_GAS, ACTIVITIES)
    copy = tmp_path / "again"
    copy.mkdir()
    again = batch(copy, engine, BY_GAS, first.results)
    assert again.certificate.root == first.certificate.root
    assert statuses(again) == statuses(first)
    assert pq.read_schema(again.results).names == pq.read_schema(first.results).names


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> None:
    """A workbook with texts and numbers, written by hand: the smallest that readers take."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        + "</Relationships>",
    }
    for n, rows in enumerate(sheets.values(), 1):
        body = "".join(
            "<row>"
            + "".join(
                f"<c><v>{cell!r}</v></c>" if isinstance(cell, float) else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
                for cell in row
            )
            + "</row>"
            for row in rows
        )
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f"{head}{text}")
