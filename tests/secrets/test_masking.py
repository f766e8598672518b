"""Settings that are secrets, and texts with addresses in them, as they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.masking import without_secrets
from greenlang.settings import ADDRESSES, SECRETS, Settings

HIDDEN = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://me:{HIDDEN}@db/x",
        f"postgresql://me:a/{HIDDEN}@db/x",
        f"postgresql://me:{HIDDEN}/@b@db/x",
        f"https://{HIDDEN}@host/path",
        f"redis://:{HIDDEN}/x@host/0",
        f"postgresql//me:{HIDDEN}@db/x",
        f"postgresql:/me:{HIDDEN}@db/x",
        f"host=db user=me password={HIDDEN} dbname=x",
        f"host=db password = 'a \\' {HIDDEN}' dbname=x",
        f"postgresql://db/x?user=me&password={HIDDEN}",
        f"lost: (postgresql://me:{HIDDEN}@db/x) at noon",
    ],
)
def test_what_is_secret_in_a_text_is_not_shown(text: str) -> None:
    assert HIDDEN not in without_secrets(text)
    assert "***" in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://host/agents/heat/boiler@1.0.0",
            "s3://bucket/a@b",
            "http://127.0.0.1:8080/health",
            "ada@example.org",
        ),
        *("key=heat/boiler run=7 tokens=12", "sqlite:////srv/var/registry.sqlite", "redis://127.0.0.1:6379/0"),
    ],
)
def test_what_is_none_is_shown(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_dump_of_settings_shows_an_address(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"postgresql//me{HIDDEN}host"  # such that no pattern knows it
    monkeypatch.setenv(f"GREENLANG_{name.upper()}", address)
    found = Settings(var=tmp_path)
    said = (
        repr(found),
        str(found),
        str(found.model_dump()),
        found.model_dump_json(),
        str(found.model_dump(mode="json")),
    )
    assert not [one for one in said if HIDDEN in one]
    shown = [
        CliRunner().invoke(app, ["--var", str(tmp_path), "factory", "config", *more]).output
        for more in ([], ["--json"])
    ]
    assert HIDDEN not in str(shown)
    assert {row["setting"]: row["value"] for row in json.loads(shown[1])}[name] == "***"
    told = json.loads(found.model_dump_json(exclude_defaults=True, exclude=set(SECRETS), context={"plain": True}))
    assert told[name] == address, "to whoever asks for it"
    assert getattr(Settings(**told), name) == address


def test_a_wrong_address_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy takes the password for the port where the host was forgotten, and repeats it."""
    for name in ("REGISTRY_URL", "REGISTRY_ADMIN_URL", "MIRROR_URL"):
        monkeypatch.setenv(f"GREENLANG_{name}", f"postgresql+psycopg2://me:{HIDDEN}/x")
    (tmp_path / "var").mkdir()
    for words in ("registry", "search"), ("registry", "migrate"), ("backup", str(tmp_path / "b.tar.zst")):
        result = CliRunner().invoke(app, ["--var", str(tmp_path / "var"), *words])
        assert result.exit_code == 2, result.output
        assert "cannot be used" in result.output
        assert HIDDEN not in result.output


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_variable_falls_through_to_the_file(
    blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a registry in an SQLite file would be made, and nobody would see it."""
    (tmp_path / "url").write_text("postgresql+psycopg2://me@db/x\n")
    for name in ADDRESSES:
        monkeypatch.setenv(f"GREENLANG_{name.upper()}", blank)
        monkeypatch.setenv(f"GREENLANG_{name.upper()}_FILE", str(tmp_path / "url"))
    found = Settings(var=tmp_path)
    assert {getattr(found, name) for name in ADDRESSES} == {"postgresql+psycopg2://me@db/x"}
    assert found.registry == "postgresql+psycopg2://me@db/x"


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose and the chart set variables that nobody has given a value."""
    for name in Settings.model_fields:
        monkeypatch.setenv(f"GREENLANG_{name.upper()}", "")
    assert Settings(var=tmp_path) == Settings.model_construct(
        **{**Settings.model_construct().__dict__, "var": tmp_path}
    )


@pytest.mark.parametrize(
    "part",
    [
        *(
            "?",
            "&",
            "://",
            "://a:",
            "/",
            ":/",
            "?key",
            "key",
            "?key=",
            "token",
            "password='",
            "password='\\",
            "@",
            "a=",
        ),
    ],
)
def test_a_long_text_of_anybody_is_masked_in_time_that_grows_with_its_length(part: str) -> None:
    """With its square this would take hours."""
    for end in ("", "@", "="):
        without_secrets("?key" + part * 200_000 + end)
