"""Which agents are near: rankings on queries that are written down, and who is never a reference."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenlang.provenance import CERTIFICATE, PackCertificate, canonical, files_digest, tree
from greenlang.registry import Port, RegistryEntry
from greenlang.registry.references import (
    EXAMPLE_BYTES,
    Profile,
    ReferenceIndex,
    example,
    formulas_by_version,
    profile,
    profile_of_entry,
    stale_versions,
)


def agent(agent_id: str, outputs: dict[str, str], *, tags: Sequence[str] = (), **more: Any) -> RegistryEntry:
    values: dict[str, Any] = {
        "version": "1.0.0",
        "spec_digest": "a" * 64,
        "pack_digest": "b" * 64,
        "certificate_digest": "c" * 64,
        "name": agent_id.rpartition("/")[2].replace("_", " "),
        "domain": agent_id.partition("/")[0],
        "tags": tuple(tags),
        "outputs": tuple(Port(name, "float64", unit) for name, unit in outputs.items()),
        "inputs": (Port("amount", "float64", "kWh"),),
        "score": 95.0,
        "coverage": 97.0,
        "pack": f"packs/{agent_id.replace('/', '.')}",
        "state": "certified",
    }
    return RegistryEntry(agent_id=agent_id, **(values | more))


BOILER = agent("heat/boiler", {"co2e_kg": "kgCO2e", "efficiency": "1"}, tags=("scope1", "combustion"))
FURNACE = agent("heat/furnace", {"co2e_kg": "kgCO2e", "heat_kwh": "kWh"}, tags=("scope1", "combustion"))
GRID = agent("power/grid", {"co2e_kg": "kgCO2e"}, tags=("scope2", "electricity"))
PUMP = agent("heat/heat_pump", {"cop": "1", "power_kw": "kW"}, tags=("electricity", "heat-pump"))
CHILLER = agent("cool/chiller", {"cop": "1", "power_kw": "kW"}, tags=("cooling",))
TRUCK = agent("transport/truck", {"co2e_kg": "kgCO2e", "fuel_l": "liter"}, tags=("scope1", "freight"))
SOIL = agent("land/soil_carbon", {"carbon_t": "tonne"}, tags=("sequestration",))
ALL = (BOILER, FURNACE, GRID, PUMP, CHILLER, TRUCK, SOIL)
FORMULAS = {
    ("heat/boiler", "1.0.0"): {"ghg/combustion"},
    ("heat/furnace", "1.0.0"): {"ghg/combustion"},
    ("transport/truck", "1.0.0"): {"ghg/freight"},
    ("heat/heat_pump", "1.0.0"): {"energy/cop"},
}
INDEX = ReferenceIndex(ALL, formulas=FORMULAS)

QUERIES = [
    # outputs, formulas, tags, words -> the nearest, in order
    ({"co2e_kg": "kgCO2e"}, ("ghg/combustion",), ("combustion",), "steam boiler", ["heat/boiler", "heat/furnace"]),
    ({"cop": "1"}, (), ("heat-pump",), "ground source heat pump", ["heat/heat_pump", "cool/chiller"]),
    ({"cop": "1"}, (), ("cooling",), "", ["cool/chiller", "heat/heat_pump"]),
    ({"fuel_l": "liter"}, ("ghg/freight",), (), "van", ["transport/truck"]),
    ({"co2e_kg": "kgCO2e"}, (), ("scope2",), "electricity use of an office", ["power/grid"]),
    ({"carbon_t": "tonne"}, (), (), "", ["land/soil_carbon"]),
]


def wanted(outputs: dict[str, str], formulas: Sequence[str] = (), tags: Sequence[str] = (), text: str = "") -> Profile:
    return profile("new/agent", outputs=outputs, formulas=formulas, tags=tags, texts=(text,))


@pytest.mark.parametrize(("outputs", "formulas", "tags", "text", "nearest"), QUERIES)
def test_the_nearest_agents_are_those_that_a_person_would_name(outputs, formulas, tags, text, nearest):
    found = INDEX.nearest(wanted(outputs, formulas, tags, text))
    assert [r.agent_id for r in found][: len(nearest)] == nearest


def test_a_reference_says_what_both_have_and_how_it_was_judged():
    index = ReferenceIndex(ALL, formulas=FORMULAS, mutation={("heat/boiler", "1.0.0"): 98.5})
    first = index.nearest(wanted({"co2e_kg": "kgCO2e"}, ("ghg/combustion",), ("combustion",), "boiler"))[0]
    assert first.why == (
        "certified; both have formulas ghg/combustion; outputs co2e_kg; tags combustion; units kgCO2e; "
        "words boiler, co2e, kg"
    )
    assert (first.quality, first.figures) == (95.0, {"coverage, percent": 97.0, "mutation score, percent": 98.5})
    assert 0.9 < first.score <= 1


def test_an_agent_is_never_its_own_reference_in_no_version():
    older = agent("heat/boiler", {"co2e_kg": "kgCO2e"}, version="0.9.0")
    index = ReferenceIndex((*ALL, older), formulas=FORMULAS)
    found = index.nearest(profile_of_entry(BOILER, {"ghg/combustion"}), limit=10)
    assert "heat/boiler" not in {r.agent_id for r in found}


@pytest.mark.parametrize("state", ["deprecated", "retired"])
def test_what_is_no_longer_in_force_is_no_reference(state):
    index = ReferenceIndex([agent("heat/boiler", {"co2e_kg": "kgCO2e"}, state=state)])
    assert index.nearest(wanted({"co2e_kg": "kgCO2e"})) == ()


def test_a_superseded_version_is_no_reference_even_if_the_newer_one_is_not_either():
    old = agent("heat/boiler", {"co2e_kg": "kgCO2e"}, version="1.9.0")
    new = agent("heat/boiler", {"co2e_kg": "kgCO2e"}, version="1.10.0", state="deprecated")
    assert len(ReferenceIndex([old, new])) == 0
    only = ReferenceIndex([old, agent("heat/boiler", {"co2e_kg": "kgCO2e"}, version="1.10.0")])
    assert [r.version for r in only.nearest(wanted({"co2e_kg": "kgCO2e"}))] == ["1.10.0"]


def test_a_stale_version_is_no_reference():
    rows = [
        {"agent_id": "heat/boiler", "version": "1.0.0", "outcome": "incomplete", "pack_digest": "b" * 64},
        {"agent_id": "heat/furnace", "version": "1.0.0", "outcome": "registered", "pack_digest": "b" * 64},
        {"agent_id": "land/soil_carbon", "version": "1.0.0", "outcome": "incomplete", "pack_digest": ""},
    ]
    index = ReferenceIndex(ALL, formulas=FORMULAS, stale=stale_versions(rows))
    found = index.nearest(wanted({"co2e_kg": "kgCO2e"}, ("ghg/combustion",)), limit=10)
    assert found[0].agent_id == "heat/furnace"
    assert "heat/boiler" not in {r.agent_id for r in found}


def test_certified_agents_come_first_and_a_registered_one_says_that_it_is_not():
    draft = agent("heat/boiler_copy", {"co2e_kg": "kgCO2e", "efficiency": "1"}, tags=BOILER.tags, state="draft")
    found = ReferenceIndex((*ALL, draft)).nearest(wanted({"co2e_kg": "kgCO2e", "efficiency": "1"}), limit=10)
    assert found[-1].agent_id == "heat/boiler_copy"
    assert not found[-1].certified
    assert found[-1].why.startswith("draft; ")


def test_ties_are_broken_by_id_and_the_order_of_the_entries_does_not_matter():
    same = [agent(f"a/{letter}", {"x": "kg"}) for letter in "dbca"]
    shuffled = list(same)
    random.Random(3).shuffle(shuffled)
    for entries in (same, shuffled):
        assert [r.agent_id for r in ReferenceIndex(entries).nearest(wanted({"x": "kg"}), limit=4)] == [
            "a/a",
            "a/b",
            "a/c",
            "a/d",
        ]


def test_a_unit_or_a_word_alone_makes_no_reference():
    assert ReferenceIndex(ALL).nearest(wanted({"other": "kW"}, text="boiler freight")) == ()
    assert ReferenceIndex(ALL).nearest(Profile("x/nothing")) == ()
    assert ReferenceIndex([]).nearest(wanted({"co2e_kg": "kgCO2e"})) == ()


def test_a_rare_token_counts_more_than_a_common_one():
    many = [agent(f"many/a{n}", {"co2e_kg": "kgCO2e"}) for n in range(50)]
    rare = agent("rare/one", {"leakage_rate": "percent"})
    found = ReferenceIndex([*many, rare]).nearest(wanted({"co2e_kg": "kgCO2e", "leakage_rate": "percent"}))
    assert found[0].agent_id == "rare/one"


def test_embeddings_are_an_option_that_moves_the_order():
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, 0.1] if "chiller" in text or "frost" in text else [0.1, 1.0] for text in texts]

    question = wanted({"cop": "1"}, (), ("heat-pump",), "frost")
    assert ReferenceIndex(ALL).nearest(question)[0].agent_id == "heat/heat_pump"
    assert ReferenceIndex(ALL, embed=embed).nearest(question)[0].agent_id == "cool/chiller"


def test_formulas_come_from_the_lineage():
    rows = [
        {"agent_id": "a/b", "version": "1.0.0", "kind": "formula", "ref": "ghg/combustion"},
        {"agent_id": "a/b", "version": "1.0.0", "kind": "factor", "ref": "ef://x"},
    ]
    assert formulas_by_version(rows) == {("a/b", "1.0.0"): frozenset({"ghg/combustion"})}


def packed(root: Path, code: str) -> None:
    (root / BOILER.pack / "gl_boiler").mkdir(parents=True)
    (root / BOILER.pack / "gl_boiler" / "tools.py").write_text(code)
    files = tree(root / BOILER.pack)
    (root / BOILER.pack / CERTIFICATE).write_bytes(canonical({"files": files}))


def boiler(root: Path | None = None) -> Any:
    """The boiler; its pack is the one below ``root``."""
    found = INDEX.nearest(wanted({"efficiency": "1"}))[0]
    if root is None:
        return found
    certificate = PackCertificate.load(root / BOILER.pack)
    digest = files_digest(certificate.content["files"])
    return replace(found, pack_digest=digest, certificate_digest=certificate.digest)


def test_an_example_shows_outputs_formulas_and_code_within_a_limit(tmp_path: Path):
    packed(tmp_path, "def co2e_kg() -> int:\n    return 1\n" + "# x\n" * 5000)
    text = example(boiler(tmp_path), tmp_path)
    assert text.startswith("heat/boiler 1.0.0 (certified)\nco2e_kg [kgCO2e]\n")
    assert "formula ghg/combustion" in text
    assert "def co2e_kg() -> int:" in text
    assert len(text) <= EXAMPLE_BYTES
    assert len(example(boiler(tmp_path), tmp_path, limit=50)) <= 50
    assert "def " not in example(boiler(tmp_path))
    assert "def " not in example(boiler(), tmp_path), "another build lies there"
    (tmp_path / BOILER.pack / "gl_boiler" / "tools.py").write_text("def changed(): ...")
    assert "def " not in example(boiler(tmp_path), tmp_path)


def test_an_example_follows_no_link_and_leaves_no_folder(tmp_path: Path):
    root, secret = tmp_path / "var", tmp_path / "secret.py"
    secret.write_text("KEY = 'abc'\n")
    packed(root, secret.read_text())
    assert "KEY" in example(boiler(root), root)
    folder = root / BOILER.pack / "gl_boiler"
    (folder / "tools.py").unlink()
    (folder / "tools.py").symlink_to(secret)
    assert "KEY" not in example(boiler(root), root)
    (folder / "tools.py").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "other", target_is_directory=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tools.py").write_text("KEY = 'abc'\n")
    assert "KEY" not in example(boiler(root), root)


@pytest.mark.slow
def test_ten_thousand_agents_are_ranked_by_the_same_rule():
    """The cost is measured by tools, not here; this holds the index to its answers at that size."""
    draw = random.Random(7)
    words = [f"out{n}" for n in range(2000)]
    entries = [
        agent(f"d{n % 12}/a{n}", dict.fromkeys(draw.sample(words, 3), "kg"), tags=draw.sample(words[:100], 3))
        for n in range(10_000)
    ]
    index = ReferenceIndex(entries)
    for n in (0, 4321, 9999):
        copy = profile_of_entry(entries[n])
        found = index.nearest(Profile("other/agent", copy.outputs, copy.units, copy.formulas, copy.tags, copy.words))
        assert found[0].agent_id == entries[n].agent_id
        assert found[0].score == pytest.approx(1.0)
