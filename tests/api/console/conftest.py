"""Browsers: one that has to sign in, one of the person at the machine, and an agent that is certified.

Belongs here: fixtures of the console's pages. Does not belong here: how agents come to be (`agents`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.registry import Registry, RegistryEntry
from greenlang.settings import Settings
from tests.api.console.agents import certified


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def person(settings: Settings, registry: Registry) -> Iterator[TestClient]:
    """The person at the machine: nobody signs in."""
    app = create_app(settings, registry=registry, sign_in=False)
    with TestClient(app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def entry(registry: Registry, settings: Settings) -> RegistryEntry:
    return certified(registry, settings)
