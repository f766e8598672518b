"""Asking the factory for agents over HTTP: what is accepted, what is refused and why, whose jobs are whose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.bucket import Bucket
from greenlang.factory.intake import take_in
from greenlang.factory.line import accepted_keys
from greenlang.launcher import of_run, of_stage
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from tests.api.conftest import Signed
from tests.api.launchers import Scripted
from tests.line.line_tools import example, renamed

SPEC = example("boiler").decode()
API = "/api/v1/factory"


@pytest.fixture
def launcher() -> Scripted:
    return Scripted()


@pytest.fixture
def client(settings: Settings, registry: Registry, launcher: Scripted, signed: Signed) -> Iterator[TestClient]:
    """Somebody who develops."""
    app = create_app(settings, registry=registry, launcher=launcher)
    with TestClient(app, headers=signed("developer", name="dev"), raise_server_exceptions=False) as opened:
        yield opened


def job(client: TestClient, identity: str) -> dict[str, Any]:
    answer = client.get(f"{API}/jobs/{identity}")
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestGenerate:
    def test_a_spec_is_accepted_and_its_job_tells_what_has_happened_and_nothing_else(
        self, client: TestClient, launcher: Scripted, settings: Settings
    ) -> None:
        answer = client.post(f"{API}/generate", json={"spec": SPEC, "options": {"max_refinements": 1}})
        assert answer.status_code == 202, answer.text
        made = answer.json()
        assert answer.headers["location"] == f"{API}/jobs/{made['job_id']}"
        (order,) = launcher.orders
        (key,) = order.keys
        assert (order.tenant, order.rounds, order.force) == ("default", 1, False)
        assert accepted_keys(Bucket.open(settings.bucket_address)) == [key]

        told = job(client, made["job_id"])
        assert (told["status"], told["progress"], told["stage"], told["key"]) == ("queued", 0, "", key)
        launcher.tell(of_run("running"), of_stage(key, "spec_validation"), of_stage(key, "agent_generation"))
        told = job(client, made["job_id"])
        assert (told["status"], told["progress"], told["stage"]) == ("running", 40, "agent_generation")
        finding = {"code": "GLS030", "line": 7}
        ended = {"key": key, "outcome": "quarantined", "stage": "quality_validation", "reason": "tests failed"}
        launcher.tell({**ended, "errors": [finding]}, of_run("completed"))
        told = job(client, made["job_id"])
        assert (told["status"], told["progress"], told["stage"]) == ("failed", 60, "quality_validation")
        assert (told["outcome"], told["reason"], told["errors"]) == ("quarantined", "tests failed", [finding])
        answer = client.get(f"{API}/jobs/{made['job_id']}/artifacts")
        assert answer.status_code == 409
        assert "tests failed" in answer.json()["detail"]

    def test_a_spec_may_be_an_object_and_may_lie_in_the_bucket(
        self, client: TestClient, launcher: Scripted, settings: Settings
    ) -> None:
        assert client.post(f"{API}/create", json={"spec": yaml.safe_load(SPEC)}).status_code == 202
        Bucket.open(settings.bucket_address).write("inbox/mine/other.yaml", renamed("boiler", "buildings/other"))
        answer = client.post(f"{API}/generate", json={"spec_url": "inbox/mine/other.yaml"})
        assert answer.status_code == 202, answer.text
        assert [order.keys[0].partition("@")[0] for order in launcher.orders] == [
            "buildings/gas_boiler_uk_v1",
            "buildings/other",
        ]
        assert job(client, answer.json()["job_id"])["file"] == "other.yaml"

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("inbox/none.yaml", 404),
            ("inbox/../../etc/passwd", 422),
            ("../secret.yaml", 422),
            ("reports/x.md", 422),
            ("https://example.org/spec.yaml", 422),
            ("file:///etc/passwd", 422),
            ("inbox/\0", 422),
        ],
    )
    def test_what_lies_elsewhere_is_not_read(
        self, client: TestClient, launcher: Scripted, path: str, status: int
    ) -> None:
        answer = client.post(f"{API}/generate", json={"spec_url": path})
        assert (answer.status_code, launcher.orders) == (status, [])

    @pytest.mark.parametrize("option", ["skip_tests", "skip_docs"])
    def test_what_cannot_be_skipped_truthfully_is_refused_with_the_reason(
        self, client: TestClient, launcher: Scripted, option: str
    ) -> None:
        answer = client.post(f"{API}/generate", json={"spec": SPEC, "options": {option: True}})
        assert answer.status_code == 422
        assert "is not registered" in answer.json()["errors"][0]["detail"]
        assert launcher.orders == []

    def test_every_mistake_is_told_with_line_and_column_and_nothing_is_accepted(
        self, client: TestClient, launcher: Scripted, settings: Settings
    ) -> None:
        wrong = SPEC.replace("\nversion:", "\nversoin:")
        answer = client.post(f"{API}/generate", json={"spec": wrong, "name": "mine.yaml"})
        assert answer.status_code == 422
        problem = answer.json()
        assert problem["type"] == "urn:greenlang:problem:spec-refused"
        lines = wrong.splitlines()
        places = [(lines[d["line"] - 1].partition(":")[0], d["column"], d["file"]) for d in problem["diagnostics"]]
        assert ("versoin", 1, "mine.yaml") in places
        assert launcher.orders == []
        assert Bucket.open(settings.bucket_address).list("inbox") == []

    def test_a_name_that_no_database_takes_is_refused(self, client: TestClient, launcher: Scripted) -> None:
        assert client.post(f"{API}/generate", json={"spec": SPEC, "name": "a\0b"}).status_code == 422
        assert launcher.orders == []

    def test_another_spec_under_a_registered_version_is_a_conflict(
        self, client: TestClient, registry: Registry, launcher: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = {("buildings/gas_boiler_uk_v1", "1.0.0"): "0" * 64}
        monkeypatch.setattr(Registry, "spec_digests", lambda self: other)
        answer = client.post(f"{API}/generate", json={"spec": SPEC})
        assert answer.status_code == 409
        assert "new version" in answer.json()["detail"]
        assert launcher.orders == []

    def test_more_jobs_than_the_quota_allows_are_refused_before_anything_is_accepted(
        self, client: TestClient, registry: Registry, launcher: Scripted, settings: Settings
    ) -> None:
        Tenants(registry).set_quota("jobs_per_day", 1)
        assert client.post(f"{API}/generate", json={"spec": SPEC}).status_code == 202
        answer = client.post(f"{API}/generate", json={"spec": renamed("boiler", "buildings/other").decode()})
        assert answer.status_code == 429
        assert len(launcher.orders) == 1
        assert len(accepted_keys(Bucket.open(settings.bucket_address))) == 1

    def test_a_run_that_nobody_knows_any_more_is_told_from_the_outcome_that_stands(
        self, client: TestClient, launcher: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        identity = client.post(f"{API}/generate", json={"spec": SPEC}).json()["job_id"]
        launcher.folds.clear()
        told = job(client, identity)
        assert (told["status"], told["reason"]) == (
            "failed",
            "its run is not known any more, and it has no outcome",
        )
        monkeypatch.setattr(MetricsStore, "latest", lambda self, key: {"outcome": "registered", "reason": ""})
        assert job(client, identity)["status"] == "completed"


class TestBatch:
    def test_all_specs_are_accepted_or_none(self, client: TestClient, launcher: Scripted, settings: Settings) -> None:
        good, bad = {"spec": SPEC}, {"spec": "id: x", "name": "bad.yaml"}
        answer = client.post(f"{API}/batch", json={"specs": [good, bad]})
        assert answer.status_code == 422
        assert {(d["place"], d["file"]) for d in answer.json()["diagnostics"]} == {(1, "bad.yaml")}
        assert launcher.orders == []
        assert accepted_keys(Bucket.open(settings.bucket_address)) == []

        other = {"spec": renamed("boiler", "buildings/other").decode()}
        answer = client.post(f"{API}/batch", json={"specs": [good, other], "max_concurrent": 1})
        assert answer.status_code == 202, answer.text
        made = answer.json()
        assert launcher.orders[0].workers == 1
        first, second = launcher.orders[0].keys
        done = {"key": first, "outcome": "registered", "stage": "registration", "reason": ""}
        launcher.tell(of_run("running"), done, of_stage(second, "reference_selection"))
        told = client.get(f"{API}/batch/{made['batch_id']}").json()
        assert (told["status"], told["total"], told["completed"], told["failed"]) == ("running", 2, 1, 0)
        assert told["progress"] == (100 + 20) // 2
        assert [one["job_id"] for one in told["jobs"]] == made["job_ids"]

    def test_two_contents_of_one_version_are_a_conflict(self, client: TestClient, launcher: Scripted) -> None:
        answer = client.post(f"{API}/batch", json={"specs": [{"spec": SPEC}, {"spec": SPEC + "\n# changed\n"}]})
        assert answer.status_code == 409
        assert launcher.orders == []

    def test_only_who_asked_for_a_batch_or_an_administrator_ends_it(
        self, client: TestClient, launcher: Scripted, signed: Signed
    ) -> None:
        identity = client.post(f"{API}/batch", json={"specs": [{"spec": SPEC}]}).json()["batch_id"]
        url = f"{API}/batch/{identity}/cancel"
        assert client.post(url, headers=signed("developer", name="other")).status_code == 403
        assert client.post(url, headers=signed("viewer", name="viewer")).status_code == 403
        assert launcher.progress("run-0").status == "queued"
        told = client.post(url, headers=signed("factory_admin", name="admin")).json()
        assert (told["status"], told["cancelled"]) == ("cancelled", 1)
        assert client.post(url).json()["status"] == "cancelled"  # again, by its owner: nothing changes


class TestTenants:
    def test_a_job_of_another_tenant_is_not_there(
        self, postgres_url: str, settings: Settings, launcher: Scripted
    ) -> None:
        from tests.api.conftest import key_for

        with Registry(postgres_url, keys=settings.keys) as registry:
            for tenant in ("alpha", "beta"):
                Tenants(registry).create(tenant)
            keys = {tenant: key_for(registry, "developer", tenant=tenant) for tenant in ("alpha", "beta")}
            of_all = settings.model_copy(update={"registry_url": postgres_url})
            with TestClient(create_app(of_all, registry=registry, launcher=launcher)) as client:
                headers = {tenant: {"Authorization": f"Bearer {key}"} for tenant, key in keys.items()}
                made = client.post(f"{API}/generate", json={"spec": SPEC}, headers=headers["alpha"]).json()
                paths = (
                    f"jobs/{made['job_id']}",
                    f"jobs/{made['job_id']}/artifacts",
                    f"jobs/{made['job_id']}/artifacts/pack.tar.gz",
                    f"jobs/{made['job_id']}/events",
                    f"batch/{made['batch_id']}",
                    f"batch/{made['batch_id']}/events",
                )
                for path in paths:
                    assert client.get(f"{API}/{path}", headers=headers["beta"]).status_code == 404, path
                url = f"{API}/batch/{made['batch_id']}/cancel"
                assert client.post(url, headers=headers["beta"]).status_code == 404
                assert client.get(f"{API}/{paths[0]}", headers=headers["alpha"]).status_code == 200
                assert launcher.orders[0].tenant == "alpha"
                # the very same spec of another tenant lies in a bucket of its own
                assert client.post(f"{API}/generate", json={"spec": SPEC}, headers=headers["beta"]).status_code == 202
                for tenant in ("alpha", "beta"):
                    own = Bucket.open(of_all.of_tenant(tenant).bucket_address)
                    assert len(accepted_keys(own)) == 1
                    assert take_in(own, of_all.of_tenant(tenant)).accepted == ()
