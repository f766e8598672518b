"""What a worker knows of agents that stand already."""

from __future__ import annotations

from dataclasses import replace

from line_tools import example

from greenlang.factors.table import FactorTable
from greenlang.factory.neighbours import Neighbours
from greenlang.formulas.library import library
from greenlang.registry import Port, Registry, RegistryEntry
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.reader import read


def boiler() -> Resolution:
    spec, _ = read(example("boiler"), "boiler.yaml")
    assert spec is not None
    return resolve(spec, FactorTable.load(), library())


def entry(resolution: Resolution, agent_id: str, version: str) -> RegistryEntry:
    """An agent with the outputs of the resolution."""
    outputs = tuple(Port(p.name, p.dtype, p.unit, p.description) for p in resolution.spec.outputs.values())
    return RegistryEntry(
        agent_id=agent_id,
        version=version,
        spec_digest="a" * 64,
        pack_digest="b" * 64,
        certificate_digest="c" * 64,
        name="Boiler",
        summary="A boiler",
        domain="buildings",
        tags=resolution.spec.tags,
        inputs=(),
        outputs=outputs,
        score=98.0,
        coverage=100.0,
        tests_passed=50,
        tests_total=50,
        factor_release="embedded",
        pack="packs/x",
    )


def test_a_factory_without_agents_has_no_neighbours_and_gets_no_registry(settings: Settings) -> None:
    known = Neighbours(settings)
    assert (known.nearest(boiler()), known.history("a/b")) == ((), ())
    assert not settings.var.exists()


def test_near_agents_and_earlier_versions_are_found(settings: Settings) -> None:
    settings.var.mkdir(parents=True)
    wanted = boiler()
    with Registry(settings.registry) as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.register(entry(wanted, "heat/another_boiler", version))
        own = entry(wanted, wanted.spec.agent_id, "0.9.0")
        registry.register(own)
        registry.register(replace(entry(wanted, "far/away", "1.0.0"), outputs=(), tags=(), name="x", summary="y"))
    known = Neighbours(settings)
    near = known.nearest(wanted)
    assert [(r.agent_id, r.version) for r in near] == [("heat/another_boiler", "1.1.0")]
    assert known.history(wanted.spec.agent_id) == ("0.9.0",)
    assert "heat/another_boiler 1.1.0" in known.examples(near)[0]
