"""What the design documents name: every endpoint, request field and response field, in the service's own document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenlang.api.app import create_app
from greenlang.settings import Settings

V1 = "/api/v1"
F = f"{V1}/factory"
R = f"{V1}/registry"
NAMED: dict[str, tuple[str, str]] = {  # 000, section 5: request fields, response fields
    f"POST {F}/generate": ("spec_url options", "job_id status"),
    f"GET {F}/jobs/{{job_id}}": ("", "status progress stage errors"),
    f"GET {F}/jobs/{{job_id}}/artifacts": ("", "agent_code test_code documentation deployment_pack"),
    f"POST {F}/validate": ("spec", "valid errors warnings"),
    f"POST {F}/batch": ("specs max_concurrent", "batch_id job_ids"),
    f"GET {F}/batch/{{batch_id}}": ("", "total completed failed jobs"),
    f"POST {F}/quality/check": ("agent_code test_code spec", "dimensions passed score"),
    f"POST {F}/quality/determinism": ("agent_code test_cases", "deterministic violations"),
    f"GET {F}/templates": ("", "templates"),
    f"GET {F}/templates/{{name}}": ("", "template examples"),
    f"POST {F}/templates": ("name template category", ""),
    f"GET {F}/references": ("", "agents categories"),
    f"GET {F}/references/{{agent_id}}": ("", "code tests spec metrics"),
    f"GET {F}/metrics": ("", "total_generated success_rate avg_generation_time avg_refinements cost_metrics"),
    f"GET {F}/health": ("", "status llm_providers dependencies"),
    # 001, layers 1 to 4
    f"GET {V1}/ef/lookup": ("", ""),
    f"POST {V1}/ef/calculate": ("", ""),
    f"GET {V1}/formulas/{{formula_id}}": ("", ""),
    f"GET {V1}/provenance/{{digest}}": ("", ""),
    f"GET {V1}/sdk/agents": ("", ""),
    f"GET {V1}/sdk/patterns/{{pattern_id}}": ("", ""),
    f"POST {V1}/sdk/validate": ("", ""),
    f"POST {V1}/sdk/migrate": ("", ""),
    f"POST {F}/create": ("", ""),
    f"GET {F}/quality/{{identity}}": ("", ""),
    f"GET {R}/agents": ("", ""),
    f"GET {R}/agents/{{agent_id}}": ("", ""),
    f"POST {R}/discover": (
        "capabilities min_health_score version_constraint location_preference max_results",
        "",
    ),
    f"GET {R}/health/{{agent_id}}": ("", ""),
    f"POST {R}/health/{{agent_id}}": ("metrics", ""),
    # 002: publish, list, search, promote, deprecate, policy checks, usage, audit
    f"POST {R}/agents": ("", ""),
    f"GET {R}/search": ("", ""),
    f"POST {R}/agents/{{agent_id}}/promote": ("to", ""),
    f"GET {R}/agents/{{agent_id}}/promotion-status": ("", ""),
    f"POST {R}/agents/{{agent_id}}/deprecate": ("", ""),
    f"GET {R}/agents/{{agent_id}}/metrics": ("", ""),
    f"GET {R}/tenants/{{tenant}}/check": ("", ""),
    f"GET {R}/tenants/{{tenant}}/audit": ("", ""),
}
OPTIONS = "skip_tests skip_docs max_refinements"  # of 000's generate; the first two are refused in words


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(var=Path("nowhere"))).openapi()


def fields(document: dict[str, Any], content: dict[str, Any]) -> set[str]:
    schema = content["application/json"]["schema"]
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return set(schema.get("properties", {}))


@pytest.mark.parametrize("endpoint", NAMED)
def test_what_the_documents_name_is_there(document: dict[str, Any], endpoint: str) -> None:
    method, path = endpoint.split(" ")
    operation = document["paths"][path][method.lower()]
    asked, told = (set(names.split()) for names in NAMED[endpoint])
    if asked:
        assert asked <= fields(document, operation["requestBody"]["content"])
    if told:
        good = next(answer for status, answer in operation["responses"].items() if status in ("200", "202"))
        assert told <= fields(document, good["content"])


def test_the_options_of_generate_are_those_of_the_document(document: dict[str, Any]) -> None:
    assert set(OPTIONS.split()) <= set(document["components"]["schemas"]["Options"]["properties"])


def test_the_page_says_where_each_is_and_what_was_left_out(document: dict[str, Any]) -> None:
    page = Path(__file__, "../../../docs/api.md").resolve().read_text()
    section = page[page.index("## What the documents name") :]
    for left_out in ("/frameworks/", "/deploy", "gRPC", "SSO", "OAuth 2.0", "mTLS", "SOC 2", "skip_tests", "slo"):
        assert left_out in section, left_out
