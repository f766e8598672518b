"""Templates, patterns, validation and migration of specs over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.catalogue.manager import TemplateManager
from greenlang.registry import Registry
from greenlang.settings import Settings
from greenlang.specs.reader import read
from tests.api.conftest import Signed
from tests.line.line_tools import example
from tests.specs.texts import A

API = "/api/v1/factory"
SPEC = example("boiler").decode()


@pytest.fixture
def client(settings: Settings, registry: Registry, signed: Signed) -> Iterator[TestClient]:
    with TestClient(create_app(settings, registry=registry), headers=signed("factory_admin")) as opened:
        yield opened


class TestTemplates:
    def test_those_of_greenlang_are_listed_and_shown(self, client: TestClient) -> None:
        names = [line["name"] for line in client.get(f"{API}/templates?limit=1000").json()["templates"]]
        assert names == sorted(TemplateManager().templates)
        told = client.get(f"{API}/templates/{names[0]}").json()
        assert told["template"]["name"] == names[0]
        assert told["examples"]
        assert client.get(f"{API}/templates/none-such").status_code == 404
        assert client.get(f"{API}/templates", params={"domain": "no domain"}).status_code == 422

    def test_a_good_one_is_registered_once_and_goes_before_ours(self, client: TestClient) -> None:
        own = TemplateManager().get_template("heat-pump-against-boiler")
        text = own.text.replace(f'title: "{own.title}"', 'title: "Ours, changed"')
        assert text != own.text
        body = {"name": own.name, "template": text, "category": "mine"}
        answer = client.post(f"{API}/templates", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["created"] is True
        assert client.post(f"{API}/templates", json=body).json()["created"] is False
        told = client.get(f"{API}/templates/{own.name}").json()
        assert (told["template"]["title"], told["tenant"]) == ("Ours, changed", "default")
        listed = client.get(f"{API}/templates", params={"category": "mine", "text": "ours"}).json()["templates"]
        assert [(line["name"], line["tenant"]) for line in listed] == [(own.name, "default")]
        assert client.get(f"{API}/templates", params={"category": "nobody's"}).status_code == 422

    def test_a_wrong_one_is_refused_with_line_and_column(self, client: TestClient) -> None:
        own = TemplateManager().get_template("heat-pump-against-boiler")
        text = own.text.replace("for_whom:", "for_whm:")
        answer = client.post(f"{API}/templates", json={"name": own.name, "template": text})
        assert answer.status_code == 422
        findings = answer.json()["diagnostics"]
        assert any(text.splitlines()[one["line"] - 1].startswith("for_whm") for one in findings)
        assert client.get(f"{API}/templates/{own.name}").json()["tenant"] == ""


class TestSpecs:
    def test_a_spec_is_validated_as_text_and_as_object(self, client: TestClient) -> None:
        told = client.post(f"{API}/validate", json={"spec": SPEC}).json()
        assert (told["valid"], told["complete"], told["errors"]) == (True, True, [])
        assert told["key"].startswith("buildings/gas_boiler_uk_v1@1.0.0-")
        wrong = SPEC.replace("unit: kWh, ge: 0", "unit: kWhh, ge: 0")
        told = client.post(f"{API}/validate", json={"spec": wrong}).json()
        assert (told["valid"], told["key"]) == (False, "")
        error = next(one for one in told["errors"] if "kWhh" in one["message"])
        assert "kWhh" in wrong.splitlines()[error["line"] - 1]
        assert error["text"].startswith(f"spec.yaml:{error['line']}:{error['column']}: error ")
        told = client.post(f"{API}/validate", json={"spec": {"id": "x"}}).json()
        assert told["valid"] is False

    def test_an_output_without_a_plan_is_named(self, client: TestClient) -> None:
        without = "\n".join(line for line in SPEC.splitlines() if "co2e: fuel_energy * factor(gas)" not in line)
        told = client.post(f"{API}/validate", json={"spec": without}).json()
        assert told["complete"] is not True

    def test_a_pack_is_validated_by_its_form_alone(self, client: TestClient) -> None:
        told = client.post("/api/v1/sdk/validate", json={"spec": SPEC}).json()
        assert (told["valid"], told["complete"]) == (True, None)

    def test_an_older_dialect_is_migrated_and_the_result_reads(self, client: TestClient) -> None:
        answer = client.post("/api/v1/sdk/migrate", json={"spec": A, "domain": "energy"})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["dialect"] == "A"
        for name, text in told["files"].items():
            spec, findings = read(text.encode(), name)
            assert spec is not None, findings
            assert spec.dialect == "B"
        assert client.post("/api/v1/sdk/migrate", json={"spec": "id: x"}).status_code == 422


def test_the_patterns_are_those_of_the_sdk(client: TestClient) -> None:
    names = [one["id"] for one in client.get("/api/v1/sdk/agents").json()["patterns"]]
    assert "calculator" in names
    for name in names:
        told = client.get(f"/api/v1/sdk/patterns/{name}").json()
        assert told["description"].startswith(told["summary"].split(".")[0][:30])
        assert told["module"].startswith("greenlang_sdk.")
        assert {member["name"] for member in told["members"]} >= {"run"}
    assert client.get("/api/v1/sdk/patterns/none").status_code == 404
