"""The whole OpenAPI document, tried: no 5xx, no status that is not documented, every answer as it was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import CHECKS

from greenlang.api.app import create_app
from greenlang.api.principal import PUBLIC_PATHS, permissions
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.registry.test_registry import entry

EXAMPLES = 2
NAMES = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    """An application with one agent, and somebody who may everything."""
    var = tmp_path_factory.mktemp("schema") / "var"
    made = Settings(var=var, api_fresh_ms=0, workers=1)
    with Registry(made.registry, keys=made.keys) as registry:
        registry.register(entry())
        app = create_app(made, registry=registry)
        yield app, {"X-API-Key": key_for(registry, "super_admin")}


@pytest.fixture(scope="module")
def api_schema(served: tuple[FastAPI, dict[str, str]]) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", served[0])


schema = schemathesis.pytest.from_fixture("api_schema")


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_is_undocumented(case: Case, served: tuple[FastAPI, dict[str, str]]) -> None:
    if "agent_id" in case.path_parameters and case.path.startswith("/api/v1/registry") and len(str(case.query)) % 2:
        case.path_parameters["agent_id"] = "heat/boiler"  # else nearly every example is about nothing
    case.call_and_validate(headers=served[1], checks=CHECKS.get_by_names(NAMES))


def test_the_document_is_openapi_3_1_and_says_what_each_route_asks_for(served: tuple[FastAPI, dict[str, str]]) -> None:
    document = served[0].openapi()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["description"] or operation["summary"], (method, path)
            assert ("x-permission" in operation) == (path not in PUBLIC_PATHS), (method, path)
            assert {"422", "429"} <= set(operation["responses"]), (method, path)
            assert "HTTPValidationError" not in str(operation), (method, path)
            if path not in PUBLIC_PATHS:
                assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
                assert operation["security"], (method, path)
    assert len(permissions(served[0])) >= len(document["paths"])
