"""Whose agents a night builds: on PostgreSQL every tenant that is not suspended, each over its own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.registry import Registry
from greenlang.registry.tenants import Tenants
from resources.factory import FactoryResource


def test_every_tenant_that_is_not_suspended_has_a_night(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Registry(postgres_url, keys=tmp_path / "keys") as registry:
        tenants = Tenants(registry)
        for name in ("acme", "beta", "gone"):
            tenants.create(name)
        tenants.of("gone").suspend("it has left")
    monkeypatch.setenv("GREENLANG_REGISTRY_URL", postgres_url)
    monkeypatch.setenv("GREENLANG_KEYS_FOLDER", str(tmp_path / "keys"))
    factory = FactoryResource(var=str(tmp_path / "var"))
    assert factory.tenants() == ["acme", "beta", "default"]
    own = factory.nightly_settings("acme", "n1")
    assert own.var == tmp_path / "var" / "tenants" / "acme"
    assert (own.night, own.mutants, own.tenant) == ("n1", "all", "acme")
    assert own.llm_shared == factory.settings.llm_shared, "one purse, one set of limits"


def test_a_registry_in_a_file_has_the_night_of_default(tmp_path: Path) -> None:
    assert FactoryResource(var=str(tmp_path / "var")).tenants() == ["default"]
