"""Refinement in the line: what a rung mends is published, what none mends stays outside with its dossier."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from line_tools import example

from greenlang.factory import line, refine
from greenlang.factory.build import Builder, Built, Draft, Task
from greenlang.factory.generate import generate
from greenlang.factory.reporting import pages_of
from greenlang.factory.source import SpecSource
from greenlang.provenance import PackCertificate
from greenlang.quality.tools import prepare
from greenlang.resolution.plan import Resolution
from greenlang.settings import Settings
from greenlang.specs.model import slug
from tests import libraries

pytestmark = pytest.mark.slow
KEY = "buildings/gas_boiler_uk_v1@1.0.0-01234567"
DOSSIER = f"dossiers/{slug(KEY)}"


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    settings = Settings(var=tmp_path / "var", mutants=2, llm="replay")
    settings.packs.mkdir(parents=True)
    libraries.tell(settings.var)
    line.prepare(settings)
    return Builder(settings)


def build(builder: Builder, harm: Callable[[Path], None]) -> Built:
    """One agent whose pack is changed before it is tried."""
    draft = builder.draft(Task(KEY, SpecSource("boiler.yaml", example("boiler"))))
    assert isinstance(draft, Draft)
    harm(draft.folder / draft.package)
    findings = prepare([draft.ref], builder.examiner.cache)[draft.folder]
    built = builder.conclude(draft, findings)
    draft.clear()
    builder.examiner.sandbox.close()
    return built


def unused_import(package: Path) -> None:
    tools = package / "tools.py"
    text = tools.read_text()
    tools.write_text(text.replace("from decimal import", "import math\nfrom decimal import", 1))
    assert "import math" in tools.read_text()


def test_a_pack_that_a_rung_mends_is_published_as_mended_and_says_so(builder: Builder) -> None:
    outcome = build(builder, unused_import).outcome
    assert (outcome.outcome, outcome.reason) == ("registered", "")
    assert "refinement" in outcome.stage_seconds
    pack = builder.settings.packs / slug(KEY)
    assert [p for p in pack.rglob("*.py") if "import math\n" in p.read_text()] == []
    certificate = PackCertificate.load(pack)
    assert certificate.verify(pack) == []
    assert [c["rung"] for c in certificate.content["repair"]["changes"]] == ["mechanical"]
    assert certificate.content["repair"]["models"] == []
    assert [(r["rung"], r["status"]) for r in outcome.repairs] == [("mechanical", "repaired")]
    assert [r["ref"] for r in outcome.lineage if r["kind"] == "repair"]
    assert "mechanical" in outcome.summary["repair"]
    report = json.loads((builder.settings.var / outcome.report / "quality.json").read_text())
    assert report["literals"], "the numbers are those of the mended pack"
    assert all(line["origin"] for line in report["literals"])
    assert not list(builder.settings.packs.glob(".build-*"))


def failing_test(package: Path) -> None:
    tests = package.parent / "tests" / "test_unit.py"
    tests.write_bytes(tests.read_bytes() + FAILING)


FAILING = b"\n\ndef test_planted() -> None:\n    assert False\n"


def test_a_pack_that_no_rung_mends_stays_outside_with_report_and_dossier(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generated(resolution: Resolution) -> dict[str, bytes]:
        files = generate(resolution)
        return files | {"tests/test_unit.py": files["tests/test_unit.py"] + FAILING}

    monkeypatch.setattr(refine, "generate", generated)  # generating anew gives no other pack
    outcome = build(builder, failing_test).outcome
    settings = builder.settings
    assert outcome.outcome == "quarantined"
    assert outcome.reason.startswith("tests failed: 1 of ")
    assert [r["rung"] for r in outcome.repairs][-1] == "quarantine"
    assert (settings.var / DOSSIER / "dossier.md").is_file()
    folder = settings.var / outcome.report
    assert (folder / "index.html").read_text().startswith("<!")
    assert json.loads((folder / "quality.json").read_text())["agent_id"] == "buildings/gas_boiler_uk_v1"
    assert json.loads((folder / "quality.sarif").read_text())["version"] == "2.1.0"
    assert "tests/test_unit.py" in outcome.summary["quality"] or "planted" in outcome.summary["quality"]
    assert not (settings.packs / slug(KEY)).exists()
    assert not list(settings.packs.glob(".build-*"))

    told = pages_of(settings, KEY)
    assert told == {"report": str(folder / "index.html"), "dossier": str(settings.var / DOSSIER / "dossier.md")}
    monkeypatch.undo()
    assert build(Builder(settings), lambda package: None).outcome.outcome == "registered"
    assert not (settings.var / DOSSIER).exists(), "nothing is left to do"
    assert pages_of(settings, KEY) == {"report": str(folder / "index.html"), "dossier": ""}
