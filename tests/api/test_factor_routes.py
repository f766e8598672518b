"""Factors, formulas, calculations and digests over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.calc.verify import verify
from greenlang.factors import FactorTable
from greenlang.factors.model import row_digest
from greenlang.formulas.library import library
from greenlang.settings import Settings

GAS = "ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The person at the machine, over the embedded factors."""
    app = create_app(Settings(var=tmp_path_factory.mktemp("factors") / "var"), sign_in=False)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as opened:
        yield opened


def got(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestLookup:
    def test_the_rule_answers_with_its_steps_and_as_many_rejected_rows_as_are_asked_for(
        self, client: TestClient
    ) -> None:
        told = got(client, "/ef/lookup", activity=GAS)
        assert told["ref"].startswith(GAS)
        assert Decimal(told["value"]) == FactorTable.load().resolve(GAS)[0].value
        assert told["rejected_rows"] == []
        told = got(client, "/ef/lookup", activity="diesel", rejected=10_000)
        assert told["steps"]
        assert len(told["rejected_rows"]) == sum(told["rejected"].values()) > 0
        assert all(row["reason"] for row in told["rejected_rows"])

    def test_a_refusal_says_why_and_what_would_mend_it(self, client: TestClient) -> None:
        answer = client.get("/api/v1/ef/lookup", params={"activity": "unobtainium"})
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:greenlang:problem:selection-refused"
        answer = client.get("/api/v1/ef/lookup", params={"activity": "electricity"})
        problem = answer.json()
        assert answer.status_code in (404, 409), problem
        assert problem["steps"]
        assert problem["hint"]

    def test_factors_are_found_by_words_and_by_reference_a_page_at_a_time(self, client: TestClient) -> None:
        hits = got(client, "/ef/search", q="natural gas kwh", limit=5)["hits"]
        assert any("natural-gas" in hit["factor"]["ref"] for hit in hits)
        table = "ef://desnz/fuels/2025"
        whole = [factor.ref for factor in sorted(FactorTable.load().resolve(table), key=lambda f: f.key)]
        assert len(whole) > 3
        seen, cursor = [], None
        while True:
            page = got(client, "/ef/factors", ref=table, limit=3, **({"cursor": cursor} if cursor else {}))
            seen += [factor["ref"] for factor in page["factors"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == whole
        answer = client.get("/api/v1/ef/factors", params={"ref": "ef://desnz/fuels/2025/natural-gaz"})
        assert answer.status_code == 404
        assert answer.json()["nearest"]


class TestCalculate:
    @pytest.fixture
    def case(self) -> dict[str, Any]:
        """A worked case of a formula that reads given numbers alone."""
        for formula in library():
            vector = formula.vectors[0]
            if all(isinstance(v, Decimal) for v in vector.given.values()) and all(
                s.origin == "input" for s in formula.symbols.values()
            ):
                inputs = {name: str(value) for name, value in vector.given.items()}
                return {"formula_id": formula.id, "inputs": inputs}
        raise AssertionError("no such formula")

    def test_a_result_is_text_to_the_last_digit_and_its_certificate_verifies(
        self, client: TestClient, case: dict[str, Any]
    ) -> None:
        answer = client.post("/api/v1/ef/calculate", json={**case, "keep": True})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert all(isinstance(output["value"], str) for output in told["outputs"])
        assert told["certificate"]["context"]["tenant"] == "default"
        assert verify(told["certificate"], FactorTable.load(), expected=told["provenance"]).verified
        (thing,) = got(client, f"/provenance/{told['provenance']}")["found"]
        assert (thing["kind"], thing["ref"], thing["verifies"]) == ("calculation", case["formula_id"], True)
        settings: Settings = client.app.state.settings  # type: ignore[attr-defined]
        path = settings.var / "certificates" / f"{told['provenance']}.json"
        changed = json.loads(path.read_text())
        changed["outputs"][0]["value"] = "1"
        path.write_text(json.dumps(changed))
        (thing,) = got(client, f"/provenance/{told['provenance']}")["found"]
        assert thing["verifies"] is False
        assert thing["findings"]

    def test_what_is_not_to_be_kept_is_not(self, client: TestClient, case: dict[str, Any]) -> None:
        body = {**case, "context": {"inventory_boundary": "another result"}}
        digest = client.post("/api/v1/ef/calculate", json=body).json()["provenance"]
        assert client.get(f"/api/v1/provenance/{digest}").status_code == 404

    def test_every_mistake_is_told_with_its_place(self, client: TestClient, case: dict[str, Any]) -> None:
        body = {**case, "inputs": {}, "context": {"gwp_set": "AR9", "color": "red"}}
        answer = client.post("/api/v1/ef/calculate", json=body)
        assert answer.status_code == 422
        errors = answer.json()["errors"]
        assert errors[0]["pointer"] == "/body/context/color"
        unknown = client.post("/api/v1/ef/calculate", json={"formula_id": "carbon/none"}).json()
        assert "there is no formula" in unknown["detail"]
        other = client.post("/api/v1/ef/calculate", json={**case, "context": {"tenant": "other"}})
        assert other.status_code == 422


class TestDigests:
    def test_a_factor_a_formula_and_the_release_are_found_by_their_digests(self, client: TestClient) -> None:
        table = FactorTable.load()
        (factor,) = table.resolve(GAS)
        formula = next(iter(library()))
        for digest, kind, ref in (
            (row_digest(factor), "factor", f"{GAS}@{table.release}"),
            (formula.digest, "formula", formula.id),
            (table.digest, "factor release", table.release),
        ):
            (thing,) = got(client, f"/provenance/{digest}")["found"]
            assert (thing["kind"], thing["ref"], thing["verifies"]) == (kind, ref, True)
        assert client.get(f"/api/v1/provenance/{'0' * 64}").status_code == 404
        assert client.get("/api/v1/provenance/..%2Fsecret").status_code in (404, 422)

    def test_a_formula_is_shown_in_full_and_a_near_one_named(self, client: TestClient) -> None:
        formula = next(iter(library()))
        told = got(client, f"/formulas/{formula.id}")
        assert set(told["symbols"]) == set(formula.symbols)
        assert told["vectors"]
        assert formula.id in [one["id"] for one in got(client, "/formulas", domain=formula.domain)["formulas"]]
        answer = client.get(f"/api/v1/formulas/{formula.id}x")
        assert answer.status_code == 404
        assert formula.id in answer.json()["detail"]
