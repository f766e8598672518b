"""The API over an empty registry, and people who may do this and that.

Belongs here: fixtures of this room. Does not belong here: databases (`tests.registry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import Caller, Registry
from greenlang.registry.keys import Keys
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", api_fresh_ms=0, api_remember_seconds=0)


@pytest.fixture
def registry(settings: Settings) -> Iterator[Registry]:
    with Registry(settings.registry, keys=settings.keys) as opened:
        yield opened


@pytest.fixture
def app(settings: Settings, registry: Registry) -> FastAPI:
    return create_app(settings, registry=registry)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def key_for(registry: Registry, *roles: str, tenant: str = "default", name: str = "somebody", **more: Any) -> str:
    """The plain key of somebody with these roles."""
    of_tenant = registry.as_caller(Caller(tenant, "test"))
    return Keys(of_tenant).issue(name, roles, **more).plain


def make_tenant(registry: Registry, tenant: str) -> None:
    Tenants(registry).create(tenant)


Signed = Callable[..., dict[str, str]]


@pytest.fixture
def signed(registry: Registry) -> Signed:
    """Headers of somebody with these roles."""

    def headers(*roles: str, **more: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {key_for(registry, *roles, **more)}"}

    return headers
