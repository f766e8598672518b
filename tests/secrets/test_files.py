"""Secrets from files, as Docker, Kubernetes and the agents of vaults write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import SettingsError
from greenlang.settings import Settings, secret

URL = "postgresql+psycopg2://greenlang:planted-password@db.example.org/registry"


def test_the_address_of_the_registry_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREENLANG_REGISTRY_URL", raising=False)
    (tmp_path / "url").write_text(f"{URL}\n")
    monkeypatch.setenv("GREENLANG_REGISTRY_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("GREENLANG_REGISTRY_ADMIN_URL_FILE", str(tmp_path / "url"))
    found = Settings(var=tmp_path)
    assert (found.registry, found.registry_admin_url) == (URL, URL)
    assert found.of_tenant("acme").registry == URL
    assert "planted" not in repr(found)
    shown = CliRunner().invoke(app, ["--var", str(tmp_path), "factory", "config", "--json"]).output
    assert "planted" not in shown
    told = {one["setting"]: one["value"] for one in json.loads(shown)}
    assert told["registry_url"] == "***"


def test_the_variable_wins_and_an_empty_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("sqlite:////from/file")
    monkeypatch.setenv("GREENLANG_REGISTRY_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("GREENLANG_REGISTRY_URL", "sqlite:////from/environment")
    assert Settings(var=tmp_path).registry == "sqlite:////from/environment"
    assert Settings(var=tmp_path, registry_url="sqlite:////given").registry == "sqlite:////given"
    monkeypatch.delenv("GREENLANG_REGISTRY_URL")
    assert Settings(var=tmp_path).registry == "sqlite:////from/file"
    (tmp_path / "url").write_text("\n")
    assert Settings(var=tmp_path).registry == f"sqlite:///{tmp_path}/registry.sqlite"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREENLANG_REGISTRY_URL", raising=False)
    monkeypatch.setenv("GREENLANG_REGISTRY_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"GREENLANG_REGISTRY_URL_FILE names a file that cannot be read"):
        Settings(var=tmp_path)
    result = CliRunner().invoke(app, ["--var", str(tmp_path), "registry", "search"])
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_a_secret_does_not_show_itself(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("planted-key\n")
    found = secret("X", {"X_FILE": str(tmp_path / "key")})
    assert found is not None
    assert found.get_secret_value() == "planted-key"
    assert "planted" not in f"{found} {found!r}"
    assert secret("X", {}) is None


def test_the_key_of_a_server_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from greenlang.client import Client

    heard: list[str] = []

    def opened(_: Client, server: str, *, key: str = "") -> None:
        heard.append(key)
        raise SettingsError("far enough")

    monkeypatch.setattr(Client, "__init__", opened)
    monkeypatch.delenv("GREENLANG_API_KEY", raising=False)
    (tmp_path / "key").write_text("planted-key\n")
    monkeypatch.setenv("GREENLANG_API_KEY_FILE", str(tmp_path / "key"))
    CliRunner().invoke(app, ["--server", "http://127.0.0.1:9", "agent", "list"])
    assert heard == ["planted-key"]
