"""One real agent, from a spec sent over HTTP through the line to its artifacts, report, code, digests and judgement."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.factory.line import run_batch
from greenlang.launcher import ENTRANCE
from greenlang.metrics import MetricsStore
from greenlang.settings import Settings
from tests import libraries
from tests.api.launchers import Scripted
from tests.line.line_tools import example

pytestmark = pytest.mark.slow
SPEC = example("boiler").decode()
AGENT = "buildings/gas_boiler_uk_v1"
API = "/api/v1/factory"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(var=tmp_path_factory.mktemp("made") / "var", workers=1)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    """The person at the machine, with one agent that was asked for and built."""
    launcher = Scripted()
    app = create_app(settings, launcher=launcher, sign_in=False)
    with TestClient(app, base_url="http://localhost") as opened:
        assert opened.post(f"{API}/generate", json={"spec": SPEC}).status_code == 202
        libraries.tell(settings.var)
        for _ in run_batch(settings, keys=launcher.orders[0].keys, entrance=ENTRANCE):
            pass
        launcher.folds.clear()  # its run is over: what is told comes from the rows
        yield opened


@pytest.fixture(scope="module")
def job_id(settings: Settings, client: TestClient) -> str:
    import sqlalchemy

    with sqlalchemy.create_engine(settings.registry).connect() as connection:
        return str(connection.execute(sqlalchemy.text("SELECT id FROM jobs")).scalar_one())


def got(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts_of(archive: bytes) -> dict[str, str]:
    """The files of a pack that are texts."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as opened:
        for member in opened:
            data = opened.extractfile(member)
            assert data is not None
            if not member.name.endswith(".whl"):
                found[member.name.partition("/")[2]] = data.read().decode()
    return found


def test_its_artifacts_are_those_of_the_pack_and_the_archive_is_the_same_each_time(
    client: TestClient, job_id: str, settings: Settings
) -> None:
    told = got(client, f"{API}/jobs/{job_id}/artifacts")
    (folder,) = (path for path in settings.packs.iterdir() if path.is_dir())
    assert told["agent_code"]["gl_buildings_gas_boiler_uk_v1/agent.py"] == next(folder.glob("*/agent.py")).read_text()
    assert any(name.startswith("tests/test_golden") for name in told["test_code"])
    assert set(told["documentation"]) == {"README.md", "CHANGELOG.md", "docs/api.md"}
    first, again = client.get(told["deployment_pack"]), client.get(told["deployment_pack"])
    assert first.content == again.content
    assert "attachment" in first.headers["content-disposition"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first.content))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert sorted(names) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_that_was_changed_since_is_not_given_out(client: TestClient, job_id: str, settings: Settings) -> None:
    (folder,) = (path for path in settings.packs.iterdir() if path.is_dir())
    changed = next(folder.glob("gl_*/agent.py"))
    text = changed.read_text()
    try:
        changed.write_text(f"{text}# mine\n")
        for path in ("", "/pack.tar.gz"):
            answer = client.get(f"{API}/jobs/{job_id}/artifacts{path}")
            assert (answer.status_code, "was changed" in answer.json()["detail"]) == (409, True)
    finally:
        changed.write_text(text)


def test_its_report_is_found_by_id_version_and_key(client: TestClient) -> None:
    (key,) = (row["key"] for row in MetricsStore(client.app.state.settings).outcomes())  # type: ignore[attr-defined]
    for identity in (AGENT, f"{AGENT}@1.0.0", key):
        told = got(client, f"{API}/quality/{identity}")
        assert (told["agent_id"], told["passed"]) == (AGENT, True)
    for unknown in ("buildings/gas", "../../packs", f"{AGENT}@9.0.0"):
        assert client.get(f"{API}/quality/{unknown}").status_code == 404


def test_it_is_a_reference_with_code_tests_and_spec(client: TestClient, settings: Settings) -> None:
    listed = got(client, f"{API}/references")
    assert [agent["agent_id"] for agent in listed["agents"]] == [AGENT]
    assert list(listed["categories"].values()) == [1]
    told = got(client, f"{API}/references/{AGENT}")
    assert told["spec"] == SPEC
    assert any(name.endswith("/tools.py") for name in told["code"])
    assert told["metrics"]["dimensions"]["determinism"]["status"] == "passed"


def test_its_figures_are_the_factorys(client: TestClient) -> None:
    told = got(client, f"{API}/metrics")
    assert (told["total_generated"], told["registered"], told["success_rate"]) == (1, 1, 1.0)
    assert told["avg_generation_time"] > 0


def test_each_of_its_digests_says_what_it_is_and_a_changed_file_is_noticed(
    client: TestClient, settings: Settings
) -> None:
    entry = got(client, f"/api/v1/registry/agents/{AGENT}")
    kinds = {"pack_digest": "pack", "certificate_digest": "pack certificate", "spec_digest": "spec"}
    for field, kind in kinds.items():
        (thing,) = got(client, f"/api/v1/provenance/{entry[field]}")["found"]
        assert (thing["kind"], thing["verifies"], thing["findings"]) == (kind, True, [])
        assert thing["ref"].startswith(f"{AGENT}@1.0.0")
    (folder,) = (path for path in settings.packs.iterdir() if path.is_dir())
    readme = folder / "README.md"
    kept = readme.read_bytes()
    try:
        readme.write_bytes(kept + b"and more")
        (thing,) = got(client, f"/api/v1/provenance/{entry['pack_digest']}")["found"]
        assert (thing["verifies"], thing["findings"]) == (False, ["README.md was changed"])
    finally:
        readme.write_bytes(kept)


def test_code_that_is_sent_along_is_judged_in_the_sandbox(client: TestClient, job_id: str) -> None:
    told = got(client, f"{API}/jobs/{job_id}/artifacts")
    whole = texts_of(client.get(told["deployment_pack"]).content)  # its tests look at its other files as well
    files = {name: text for name, text in whole.items() if name not in told["test_code"]}
    body = {"agent_code": files, "test_code": told["test_code"], "spec": SPEC}
    answer = client.post(f"{API}/quality/check", json=body)
    assert answer.status_code == 200, answer.text
    good = answer.json()
    assert (good["errors"], good["passed"], len(good["dimensions"])) == ([], True, 12)
    broken = {name: text.replace(" * ", " + ") if name in told["agent_code"] else text for name, text in files.items()}
    bad = client.post(f"{API}/quality/check", json={**body, "agent_code": broken}).json()
    assert bad["passed"] is False
    assert bad["score"] < good["score"]
    assert bad["errors"]

    cases = [{"useful_heat": "100", "efficiency": "0.9"}, {"useful_heat": 7.5, "efficiency": "0.7"}]
    url = f"{API}/quality/determinism"
    same = client.post(url, json={"agent_code": told["agent_code"], "test_cases": cases}).json()
    assert (same["deterministic"], same["violations"], len(same["answers"])) == (True, [], 2)
    (agent,) = (name for name in told["agent_code"] if name.endswith("/agent.py"))
    chance = told["agent_code"][agent].replace(
        "round_output(fuel_energy, 6)", "round_output(fuel_energy, int(next(iter({str(n) for n in range(6)}))))"
    )
    other = client.post(url, json={"agent_code": {**told["agent_code"], agent: chance}, "test_cases": cases}).json()
    assert other["deterministic"] is False
    assert {violation["case"] for violation in other["violations"]} <= {0, 1}, other


def test_code_that_wants_out_of_its_folder_is_refused(client: TestClient, tmp_path: Path) -> None:
    for name in ("../../evil/__init__.py", "/etc/__init__.py", "a/../../b/__init__.py"):
        body = {"agent_code": {name: "x = 1"}, "test_cases": [{}]}
        assert client.post(f"{API}/quality/determinism", json=body).status_code == 422
        assert client.post(f"{API}/quality/check", json={"agent_code": {name: ""}, "spec": SPEC}).status_code == 422
    many = {f"a/{n}.py": "" for n in range(201)}
    assert client.post(f"{API}/quality/check", json={"agent_code": many, "spec": SPEC}).status_code == 422
