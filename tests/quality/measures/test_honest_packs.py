"""No false alarm: what the factory makes of golden and template specs meets every measure that must be met."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.catalogue.manager import TemplateManager, filled_text
from greenlang.errors import TemplateError
from greenlang.quality import DIMENSIONS, Judgement
from greenlang.resolution.plan import Resolution
from tests.factory.conftest import BUILDERS
from tests.factory.made_agents import planned
from tests.quality.good import measures, unmet
from tests.quality.measures.planted import judged

MUST = {f"{d.name}.{m.name}" for d in DIMENSIONS for m in d.measures if m.must}
ABOUT_AGENTS = ("implementation.", "tests.expected", "determinism.", "compliance_security.", "operations.", "deploy")


def alarms(judgement: Judgement, about: tuple[str, ...] = ("",)) -> dict[str, str]:
    """The musts that are not met, with their words."""
    return {name: measures(judgement)[name].text for name in unmet(judgement) & MUST if name.startswith(about)}


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_golden_pack_raises_no_alarm(name: str, tmp_path: Path) -> None:
    """Of its files and answers: a spec made by hand has no ledger, licence and owners."""
    licence = "compliance_security.licence"
    assert set(alarms(judged(BUILDERS[name](), tmp_path / "pack"), ABOUT_AGENTS)) <= {licence}


def made(count: int) -> Iterator[tuple[str, Resolution]]:
    """So many resolutions of templates, spread over all of them."""
    manager, found = TemplateManager(), 0
    names = sorted(manager.templates)
    for name in names[:: len(names) // (count + 4)]:
        try:
            resolution, _ = planned(filled_text(manager.templates[name]))
        except TemplateError:
            continue
        if resolution is not None and resolution.complete and found < count:
            found += 1
            yield name, resolution


@pytest.mark.slow
def test_packs_of_twenty_templates_raise_no_alarm(tmp_path: Path) -> None:
    packs = {name: alarms(judged(resolution, tmp_path / name)) for name, resolution in made(20)}
    assert {name: found for name, found in packs.items() if found} == {}
    assert len(packs) == 20
