"""Every kind of source through the whole line: specs made from templates, and real specs with reviewed overlays."""

from __future__ import annotations

from pathlib import Path

import pytest
from line_tools import drop, run

from greenlang.catalogue.manager import TemplateManager, filled_text
from greenlang.registry import Registry
from greenlang.registry.details import pins_of
from greenlang.settings import Settings

pytestmark = pytest.mark.slow
OVERLAYS = Path(__file__).parents[1] / "overlays"


def test_templates_and_real_specs_with_overlays_are_registered(settings: Settings, shared: Path) -> None:
    manager = TemplateManager()
    files = {
        f"{name}.pack.yaml": filled_text(manager.get_template(name), region=region).encode()
        for name, region in TEMPLATES.items()
    }
    for folder, name in REAL:
        spec = shared / "specs" / folder / f"{name}.yaml"
        files[f"{name}.yaml"] = spec.read_bytes()
        files[f"{name}.overlay.yaml"] = (OVERLAYS / folder / f"{name}.overlay.yaml").read_bytes()
    drop(settings, **files)
    outcomes = run(settings)
    assert {f: (o.outcome, o.reason) for f, o in outcomes.items() if o.outcome != "registered"} == {}
    assert {f for f in files if ".overlay." not in f} == set(outcomes)
    assert {o.dialect for o in outcomes.values()} == {"A", "B", "D"}
    for outcome in outcomes.values():
        assert outcome.tests_passed == outcome.tests_total >= 40, outcome.file
    by_pack = {outcome.pack_digest: outcome for outcome in outcomes.values()}
    pinned: set[str] = set()
    with Registry(settings.registry) as registry:
        for entry in registry.all():
            (build,) = registry.builds(entry.agent_id, entry.version)
            pinned |= {pin.kind for pin in pins_of(registry, build.id)}
            outcome = by_pack[entry.pack_digest]
            judged = {d.name: {"status": d.status, "score": d.score} for d in outcome.dimensions}
            judgement = dict(entry.judgement)
            scan = judgement["compliance_security"].pop("scan")
            assert judgement == {**judged, "sandbox": outcome.sandbox_profile}
            assert scan["parts"]["secrets"] == "met"
            assert scan["parts"]["dependency audit"] == "not measured"  # nobody gave advisories
            assert len(judged) == 12
    assert {"factor", "formula"} <= pinned <= {"factor", "formula", "parameter"}


TEMPLATES = {  # name -> region; empty: the template's own
    "cattle-enteric-methane": "",
    "boiler-part-load-forecast": "",
    "heat-pump-against-boiler": "UK",
}
REAL = (
    ("agentspec_v2_sections", "cbam_emissions_calculator"),  # several tools
    ("pack_compute", "grid_factor_ai.pack"),
    ("pack_schema_1_0", "cbam_carbon_intensity"),
)
