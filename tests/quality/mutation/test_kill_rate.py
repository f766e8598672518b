"""The golden packs' own tests kill their mutants in the sandbox, and let the controls live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.errors import SandboxUnavailable
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.quality.mutation import mutants
from greenlang.sandbox import Sandbox
from greenlang.sandbox.trial import TrialRequest
from greenlang.settings import Settings
from tests.factory.conftest import BUILDERS

LEAST = 0.95
LEAST_TESTS, MOST_TESTS = 40, 100  # each is run twice, and once more for each mutant that lives


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = Settings(var=tmp_path_factory.mktemp("var"), test_seconds=300)
    with Sandbox(settings) as box:
        try:
            assert box.profile.name == "strict"
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        yield box


@pytest.mark.slow
@pytest.mark.parametrize("name", ["combustion", "heat_pump", "odd", "smallest"])
def test_the_tests_of_a_golden_pack_kill_its_mutants(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    resolution = BUILDERS[name]()
    package, pack = package_name(resolution.spec), tmp_path / "pack"
    write_pack(generate(resolution), pack)
    made = mutants(resolution, pack, package, limit=None)
    request = TrialRequest(({},), tuple(m.file for m in made), calls=1)
    trial = sandbox.trial(pack, package, request)
    assert LEAST_TESTS <= len(trial.tests.tests) <= MOST_TESTS
    mutation = trial.mutation
    assert mutation is not None
    assert mutation.status == "passed", mutation.detail
    outcome = {result.id: result.outcome for result in mutation.results}
    assert {outcome[m.id] for m in made if m.file.control} == {"survived"}
    survived = [m.told() for m in made if not m.file.control and outcome[m.id] == "survived"]
    assert len(survived) <= (1 - LEAST) * len(made), survived
