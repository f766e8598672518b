"""The gate lets good code through and tells what it refuses; each rule has a case of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from greenlang.catalogue.build import SpecTexts, alike
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.rows import Row
from greenlang.catalogue.serving import Served, Serving
from greenlang.factors import FactorTable
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.sandbox import gate
from greenlang.sandbox.gate_rules import RULES, TELLING
from greenlang.specs.reader import read
from tests.factory.made_agents import imported, planned
from tests.sandbox.hostile.declared import GOOD, PACKAGE
from tests.sandbox.hostile.snippets import AGENT_FILE, ALLOWED, REFUSED
from tests.sandbox.hostile.ways import WAYS
from tools.bench_catalogue import made_up

GOLDEN = Path(__file__).parents[2] / "golden"


def package_of(pack: Path) -> str:
    return next(p.parent.name for p in pack.glob("*/__init__.py"))


def found(tmp_path: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    """Place and rule of everything that is refused in a small pack with these files."""
    whole = {f"{PACKAGE}/__init__.py": "AGENT = None\n", "tests/test_unit.py": GOOD, **files}
    for name, text in whole.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [(f"{r.path}:{r.line}", r.rule) for r in gate.check(tmp_path / "pack", PACKAGE)]


@pytest.mark.parametrize("pack", sorted(p for p in GOLDEN.iterdir() if (p / "tests").is_dir()), ids=lambda p: p.name)
def test_no_golden_pack_is_refused_whether_parsed_before_or_not(pack: Path) -> None:
    package = package_of(pack)
    trees = {p.relative_to(pack).as_posix(): ast.parse(p.read_bytes()) for p in pack.rglob("*.py")}
    for given in (None, trees):
        refused = [r.text for r in gate.check(pack, package, given) if "__pycache__" not in r.path]
        assert refused == []


def _one_of_each_template() -> Iterable[Row]:
    serving = Serving(TemplateManager().templates.values())
    rows: dict[object, Row] = {}
    for row in made_up(500):
        served = serving.serve(row)
        if isinstance(served, Served):
            rows.setdefault(alike(served), row)
    return rows.values()


@pytest.mark.slow
def test_no_pack_of_the_catalogue_is_refused(tmp_path: Path) -> None:
    table, formulas, serving = FactorTable.load(), library(), Serving(TemplateManager().templates.values())
    texts = SpecTexts(table)
    looked_at = 0
    for row in list(_one_of_each_template())[:30]:
        served = serving.serve(row)
        assert isinstance(served, Served)
        spec, _ = read(texts.of(served), f"{row.row}.pack.yaml")
        assert spec is not None
        resolution = resolve(spec, table, formulas)
        if not resolution.complete:
            continue
        place = tmp_path / row.row
        write_pack(generate(resolution), place)
        assert [r.text for r in gate.check(place, package_of(place))] == []
        looked_at += 1
    assert looked_at >= 20


@pytest.mark.parametrize("name", ALLOWED)
def test_what_good_code_may_do(name: str, tmp_path: Path) -> None:
    path, text = ALLOWED[name]
    assert found(tmp_path, {path: text}) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_good_code_does(name: str, tmp_path: Path) -> None:
    rule, path, text = REFUSED[name]
    held = {"a module through the package": "import sys\n"}
    text_of_more = held.get(name, "from pathlib import Path\n" if "through the package" in name else "")
    more = {f"{PACKAGE}/more.py": text_of_more} if text_of_more else {}
    rules = {r for place, r in found(tmp_path, {**more, path: text}) if place.startswith(path)}
    assert rule in rules
    assert rule in RULES


@pytest.mark.parametrize("name", WAYS)
def test_no_way_to_a_shared_class_or_to_the_judges_is_open(name: str, tmp_path: Path) -> None:
    rule, files = WAYS[name]
    assert rule in {r for _, r in found(tmp_path, files)}


def test_a_package_is_not_called_like_a_module_of_python(tmp_path: Path) -> None:
    write_pack({"json/__init__.py": b""}, tmp_path / "pack")
    assert [r.rule for r in gate.check(tmp_path / "pack", "json")] == ["shadow"]


def test_a_flood_of_findings_is_cut(tmp_path: Path) -> None:
    assert len(found(tmp_path, {AGENT_FILE: "eval\n" * 5_000})) == gate.MAX_FINDINGS


def test_one_attempt_makes_it_escaped_and_mistakes_alone_do_not(tmp_path: Path) -> None:
    mistake = gate.Refusal("a.py", 1, "import", "import of numpy")
    attempt = gate.Refusal("a.py", 2, "name", "eval")
    assert gate.outcome((mistake,))[::2] == ("failed", ())
    status, detail, attempts = gate.outcome((mistake, attempt))
    assert status == "escaped"
    assert detail == "refused before it ran: a.py:2: eval (name). Leave it out. (and 1 more)"
    assert attempts == ("asked for eval (name) in a.py:2",)


def test_an_author_s_word_that_looks_like_a_way_out_is_renamed(tmp_path: Path) -> None:
    words = sorted(word for word in TELLING if word.isidentifier() and not word.startswith("_"))
    assert {"mro", "request", "touch", "io"} <= set(words)
    fields = "\n".join(f"    {word}: {{dtype: float64, unit: '1', ge: 0}}" for word in [*words, "pytest_score"])
    resolution, findings = planned(
        "schema_version: '2.0.0'\nid: names/words_v1\nname: Words\nversion: '1.0.0'\nsummary: Adds.\n"
        f"license: Apache-2.0\ncompute:\n  entrypoint: 'python://x:y'\n  inputs:\n{fields}\n"
        "  outputs:\n    total: {dtype: float64, unit: '1'}\n"
        f"  formulas:\n    total: {' + '.join(words)} + pytest_score\n"
    )
    assert resolution is not None, findings
    assert resolution.complete, resolution.missing
    write_pack(generate(resolution), tmp_path / "pack")
    assert gate.check(tmp_path / "pack", package_name(resolution.spec)) == ()
    with imported(resolution) as agent:
        given = dict.fromkeys([*words, "pytest_score"], 1)
        assert agent.AGENT.run(given).data.total == len(words) + 1
