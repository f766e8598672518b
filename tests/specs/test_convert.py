"""From dialects A, C and D to B: the same meaning, and a list of what could not be carried over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from greenlang.specs.convert import constants, to_b
from greenlang.specs.fix import meaning
from greenlang.specs.model import AgentSpec, Dependency
from greenlang.specs.reader import read
from tests.specs.texts import SECOND, A, C, D, changed, good


def comparable(spec: AgentSpec, agent_id: str, beyond: Collection[str]) -> AgentSpec:
    """What a conversion must keep: everything but the dialect, places, prose, and who stated a unit.

    ``beyond``: the agents that the whole needs of others.
    """
    plain = meaning(spec)
    needs = {agent: versions for agent, versions in spec.needs.items() if agent in beyond}
    return replace(
        plain,
        dialect="B",
        agent_id=agent_id,
        part="",
        prose=(),
        dependencies=tuple(Dependency(agent, "needs", versions=versions) for agent, versions in needs.items()),
        formulas={**plain.formulas, **{f.output: f for f in constants(spec)}},
        extra={k: v for k, v in plain.extra.items() if k in {"ai", "realtime", "security", "metadata"}},
        inputs={n: replace(i, unit_from="stated" if i.unit else "") for n, i in plain.inputs.items()},
        unused={n: replace(i, unit_from="stated", columns=()) for n, i in plain.unused.items()},
        outputs={n: replace(o, unit_from="stated" if o.unit else "") for n, o in plain.outputs.items()},
        factors={a: replace(f, value=None, unit="", region="") for a, f in plain.factors.items()},
        golden=tuple(
            replace(
                c,
                origin="golden",
                limits=(),
                tables={},
                expect={n: replace(e, within=None) for n, e in c.expect.items()},
            )
            for c in plain.golden
            if c.expect
        ),
    )


def round_trip(spec: AgentSpec) -> dict[str, AgentSpec]:
    """The specs that the converted files give."""
    out = {}
    for name, text in to_b(spec).files.items():
        found, findings = read(text.encode(), name)
        assert found is not None, [d.text(name) for d in findings if d.severity == "error"]
        assert found.dialect == "B"
        out[name] = found
    return out


@pytest.mark.parametrize("text", [A, C, D], ids=["A", "C", "D"])
def test_a_converted_file_means_the_same(text: str) -> None:
    spec = good(text)
    (found,) = round_trip(spec).values()
    assert meaning(found) == comparable(spec, found.agent_id, spec.needs)


def test_parts_become_a_file_each_under_the_id_of_the_whole() -> None:
    spec = good(A + SECOND)
    found = round_trip(spec)
    assert {n: s.agent_id for n, s in found.items()} == {
        "heat_demand.pack.yaml": "industrial/heat_agent/heat_demand",
        "cost.pack.yaml": "industrial/heat_agent/cost",
    }
    for part in spec.parts:
        own = found[f"{part.part}.pack.yaml"]
        assert meaning(own) == comparable(part, own.agent_id, spec.needs)


def test_what_is_not_carried_over_is_listed() -> None:
    notes = "\n".join(to_b(good(A)).notes)
    for piece in (
        "the physics formula in line 35 is prose; write it as a formula",
        "the unit of `mass_flow`, taken from its description, is stated now: kg/s",
        "`method` always has one value: that is its formula now",
        "the worked example `example` is a golden case now",
    ):
        assert piece in notes
    notes = "\n".join(to_b(good(C)).notes)
    assert "the id is `agents/carbon-pack`" in notes
    assert "the figure that the author names for `epa_grid_2024` is not carried over: 0.4 kgCO2e/kWh" in notes
    assert "tolerances are shares of the value now" in notes


def test_an_unknown_unit_stays_unknown() -> None:
    spec = good(changed(A, '            units: "kW"', '            units: "tons"'))
    (text,) = to_b(spec).files.values()
    assert 'unit: "?"' in text
    (found,) = round_trip(spec).values()
    assert found.outputs["heat_kw"].unit == ""


def test_a_name_that_is_both_is_refused_with_the_reason() -> None:
    text = changed(C, "      - name: source\n        type: string", "      - name: region\n        type: string")
    done = to_b(good(text))
    assert done.files == {}
    assert "`region`: both an input and an output" in done.refused


def test_a_spec_of_dialect_b_is_not_converted() -> None:
    (text,) = to_b(good(D)).files.values()
    assert to_b(good(text)).refused == "the spec is of dialect B already"


@pytest.mark.parametrize(
    "word", ["yes", "1e3", "null", 'a "b"', "x: y", "#no", "\u2028", "ü °C", "-", "a\nb", "\x86\ufffe"]
)
def test_texts_survive_whatever_they_look_like(word: str) -> None:
    spec = replace(good(D), name=word, tags=(word,), summary=" ".join(word.split()) or "s")
    (found,) = round_trip(spec).values()
    assert (found.name, found.tags) == (word, (word,))


def test_real_files(shared: Path) -> None:
    kept = 0
    for path in sorted((shared / "specs").rglob("*.yaml")):
        spec, _ = read(path.read_bytes(), path.name)
        if spec is None or spec.dialect == "B":
            continue
        found = round_trip(spec)
        parts = {p.part: p for p in spec.parts} or {"": spec}
        for name, own in found.items():
            part = parts[name.removesuffix(".pack.yaml")] if spec.parts else spec
            assert meaning(own) == comparable(part, own.agent_id, spec.needs), (path.name, name)
            kept += 1
        assert to_b(spec).notes
    assert kept >= 40
