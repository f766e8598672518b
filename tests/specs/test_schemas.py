"""The JSON Schemas that are published: every accepted file is valid against its dialect's, refused forms are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from greenlang import _paths
from greenlang.specs.reader import report
from greenlang.specs.schemas import overlay_schema, schema_of
from greenlang.specs.source import parse
from tests.specs.test_overlay import OVERLAY
from tests.specs.test_recognition import B
from tests.specs.texts import SECOND, A, C, D, changed

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((_paths.data() / "templates" / "specs" / "examples").glob("*.yaml"))


def errors(letter: str, data: bytes) -> list[str]:
    return [
        f"{list(e.path)}: {e.message}" for e in Draft202012Validator(schema_of(letter)).iter_errors(parse(data).value)
    ]


@pytest.mark.parametrize("letter", ["A", "B", "C", "D"])
def test_the_published_schema_is_the_one_that_is_made(letter: str) -> None:
    made = schema_of(letter)
    Draft202012Validator.check_schema(made)
    assert json.loads((ROOT / "docs" / "schemas" / f"dialect-{letter.lower()}.schema.json").read_text()) == made


def test_the_schema_of_overlays() -> None:
    Draft202012Validator.check_schema(overlay_schema())
    assert json.loads((ROOT / "docs" / "schemas" / "overlay.schema.json").read_text()) == overlay_schema()
    Draft202012Validator(overlay_schema()).validate(parse(OVERLAY.encode()).value)


@pytest.mark.parametrize(("letter", "text"), [("A", A), ("A", A + SECOND), ("B", B), ("C", C), ("D", D)])
def test_small_specs_are_valid(letter: str, text: str) -> None:
    assert errors(letter, text.encode()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name.split(".")[0])
def test_examples_are_valid(path: Path) -> None:
    assert errors("B", path.read_bytes()) == []


def test_real_files_that_are_read_are_valid(shared: Path) -> None:
    seen: set[str] = set()
    for path in sorted((shared / "specs").rglob("*.yaml")):
        found = report(path.read_bytes())
        if found.spec is not None:
            seen.add(found.dialect)
            assert errors(found.dialect, path.read_bytes()) == [], path.name
    assert seen == {"A", "B", "C", "D"}


WRONG: list[tuple[str, str, Any, Any]] = [
    ("A", A, 'agent_id: "industrial/heat_agent"', 'agent_id: "Industrial Heat"'),
    ("A", A, 'version: "1.0.0"', "version: 1.0"),
    ("A", A, '  version: "1.0.0"\n', ""),
    ("A", A, "            minimum: 0\n", "            minimum: lots\n"),
    ("A", A, '            type: "number"\n            description', "            type: 5\n            description"),
    ("A", A, "        input: {mass_flow: 2, cp: 4.18}", "        input: 5"),
    ("B", B, "compute:", "compte:"),
    ("B", B, "dtype: float64}}, formulas", "dtype: double}}, formulas"),
    ("B", B, "test/agent_v1", "agent"),
    ("C", C, "  id: carbon-pack\n", ""),
    ("C", C, "tools: [lookup]", "tools: 5"),
    ("C", C, 'ref: "ef://epa/grid/2024"\n    value: 0.4', 'ref: "epa/grid"\n    value: 0.4'),
    ("C", C, "value: 0.4", "value: much"),
    ("D", D, "outputs:", "output:"),
    ("D", D, "tags: [cbam]", "tags: {a: 1}"),
    ("D", D, "version: 1.0.0", "version: [1]"),
]


@pytest.mark.parametrize(("letter", "text", "old", "new"), WRONG)
def test_a_form_that_the_schema_refuses_the_reader_refuses(letter: str, text: str, old: str, new: str) -> None:
    data = changed(text, old, new).encode()
    assert errors(letter, data)
    found = report(data, dialect=letter)
    assert found.spec is None
    assert any(d.severity == "error" for d in found.diagnostics)
