"""Packs go into the registry and come out of it as the bytes that were certified, or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import PackError, RegistryConflict
from greenlang.factory import attest
from greenlang.factory.pack import put_aside
from greenlang.provenance import CERTIFICATE, PackCertificate, tree
from greenlang.registry import Registry, RegistryEntry, migrate
from greenlang.registry.definition import REVISION
from greenlang.registry.details import pins_of
from greenlang.registry.pack_exchange import pull, push
from greenlang.registry.pack_reading import read_pack
from greenlang.registry.packs import PackNotHere
from greenlang.signing import read_public_key
from tests.factory.conftest import build_combustion, build_toolbox
from tests.registry import old
from tests.registry.emit import made
from tests.registry.postgres import APP, OWNER, Postgres

RUNNER = CliRunner()


@pytest.fixture
def brought(tmp_path: Path) -> RegistryEntry:
    """A pack that another factory made, in the folder `other`."""
    return made.pack(tmp_path / "other", build_combustion())


@pytest.fixture
def folder(tmp_path: Path, brought: RegistryEntry) -> Path:
    return tmp_path / "other" / brought.pack


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


def run(var: Path, *arguments: str) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["--var", str(var), "registry", *arguments])
    return done.exit_code, done.output


def test_a_pack_says_itself_what_it_is(folder: Path, brought: RegistryEntry) -> None:
    entry, pins, _ = read_pack(folder)
    same = replace(
        brought,
        pack=entry.pack,
        coverage=None,  # made without a run
        tests_passed=0,
        tests_total=0,
        judgement=brought.judgement | {"sandbox": "weak"},
    )
    assert replace(entry, judgement=entry.judgement | {"sandbox": "weak"}) == same
    assert {pin.kind for pin in pins} == {"factor"}
    assert all(pin.ref.startswith("ef://") and len(pin.digest) == 64 for pin in pins)


def test_a_toolbox_keeps_its_tools_apart(tmp_path: Path) -> None:
    brought = made.pack(tmp_path, build_toolbox())
    entry = read_pack(tmp_path / brought.pack).entry
    assert (entry.inputs, entry.outputs) == (brought.inputs, brought.outputs)


def test_push_then_pull_gives_the_same_bytes(registry: Registry, folder: Path, var: Path, tmp_path: Path) -> None:
    entry, done = push(registry, folder, var)
    assert done == "created"
    assert push(registry, folder, var)[1] == "exists"
    found = registry.get(entry.agent_id)
    (build,) = registry.builds(entry.agent_id, entry.version)
    assert len(pins_of(registry, build.id)) > 0
    target = pull(found, var, tmp_path / "pulled")
    assert tree(target) == tree(folder)
    assert (target / CERTIFICATE).read_bytes() == (folder / CERTIFICATE).read_bytes()
    with pytest.raises(PackError, match="exists"):
        pull(found, var, target)


def test_a_pack_that_was_changed_is_not_pushed(registry: Registry, folder: Path, var: Path) -> None:
    (folder / "README.md").write_text("better")
    with pytest.raises(PackError, match=r"not as it was certified: README\.md was changed"):
        push(registry, folder, var)
    assert registry.count() == 0
    assert not list(var.glob("packs/*"))


def test_other_bytes_of_a_published_version_are_refused_and_nothing_moves(
    registry: Registry, folder: Path, var: Path, tmp_path: Path
) -> None:
    entry, _ = push(registry, folder, var)
    other = made.pack(tmp_path / "third", build_combustion(), dimensions=made.judged(90.0))
    (tmp_path / "third" / other.pack / "more.txt").write_text("more")
    finished(tmp_path / "third" / other.pack)
    before = tree(var / entry.pack)
    with pytest.raises(RegistryConflict, match="published with the pack"):
        push(registry, tmp_path / "third" / other.pack, var)
    shutil.rmtree(var / entry.pack)  # not even where the first one's pack is gone
    with pytest.raises(RegistryConflict, match="published with the pack"):
        push(registry, tmp_path / "third" / other.pack, var)
    assert not (var / entry.pack).exists()
    push(registry, folder, var)
    assert tree(var / entry.pack) == before
    assert len(registry.builds(entry.agent_id, entry.version)) == 1


def finished(folder: Path) -> None:
    """Certify a folder anew as it lies there."""
    from greenlang.provenance import canonical, files_digest

    content = PackCertificate.load(folder).content
    content["files"] = tree(folder)
    content["pack_digest"] = files_digest(content["files"])
    (folder / CERTIFICATE).write_bytes(canonical(content))


def test_what_changed_in_the_store_is_not_pulled(registry: Registry, folder: Path, var: Path, tmp_path: Path) -> None:
    push(registry, folder, var)
    found = registry.all()[0]
    (var / found.pack / "README.md").write_text("better")
    with pytest.raises(PackError, match="not as it was certified"):
        pull(found, var, tmp_path / "pulled")
    finished(var / found.pack)
    with pytest.raises(PackNotHere, match="is of another build"):
        pull(found, var, tmp_path / "pulled")
    with pytest.raises(PackNotHere, match="not on this machine"):
        pull(replace(found, pack="../other"), var, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()
    assert list(tmp_path.glob(".*.pull")) == []


def test_a_signature_is_asked_for_where_a_key_is_named(
    registry: Registry, folder: Path, var: Path, tmp_path: Path
) -> None:
    attest.sign_pack(folder, tmp_path / "theirs")
    key = read_public_key(tmp_path / "theirs" / "signing-key.pub.pem")
    entry, _ = push(registry, folder, var, keys=[key])
    pull(entry, var, tmp_path / "pulled", [key])
    assert attest.envelope_path(tmp_path / "pulled").is_file()
    registry.signer.sign(b"makes the key")
    stranger = read_public_key(registry.signer.folder / "signing-key.pub.pem")
    with pytest.raises(PackError, match="no signature of the envelope is of this key"):
        push(registry, folder, var, keys=[stranger])
    attest.envelope_path(folder).unlink()
    with pytest.raises(PackError, match="is not signed"):
        push(registry, folder, var, keys=[key])


def test_the_commands(folder: Path, brought: RegistryEntry, var: Path, tmp_path: Path) -> None:
    code, said = run(var, "push", str(folder), "--dry-run")
    assert (code, "would be published" in said, (var / "packs").exists()) == (0, True, False)
    code, said = run(var, "push", str(folder))
    assert (code, "was published" in said) == (0, True)
    assert "is published already" in run(var, "push", str(folder))[1]
    code, said = run(var, "resolve", brought.agent_id, ">=1,<2", "--json")
    assert (code, [one["version"] for one in json.loads(said)]) == (0, ["1.0.0"])
    code, said = run(var, "resolve", brought.agent_id, ">=2")
    assert (code, f"{brought.agent_id} has 1.0.0" in said) == (1, True)
    assert run(var, "resolve", brought.agent_id, "newest")[0] == 2
    code, said = run(var, "pull", f"{brought.agent_id}@1.0.0", str(tmp_path / "pulled"))
    assert (code, tree(tmp_path / "pulled") == tree(folder)) == (0, True)
    assert "would be yanked" in run(var, "yank", brought.agent_id, "--reason", "wrong", "--dry-run")[1]
    assert "was yanked" in run(var, "yank", brought.agent_id, "--reason", "wrong unit")[1]
    assert run(var, "resolve", brought.agent_id)[0] == 1
    code, said = run(var, "info", f"{brought.agent_id}@1.0.0", "--json")
    found = json.loads(said)
    assert (code, found["yanks"][0]["reason"], found["needs"]) == (0, "wrong unit", {})
    assert found["pins"][0]["kind"] == "factor"
    assert "wrong unit" in run(var, "info", f"{brought.agent_id}@1.0.0")[1]
    assert "was put back" in run(var, "yank", f"{brought.agent_id}@1.0.0", "--undo", "--reason", "it was right")[1]
    (folder / "README.md").write_text("better")
    assert run(var, "push", str(folder))[0] == 2


def test_the_pack_of_the_build_in_force_is_taken_and_not_what_lies_in_packs(tmp_path: Path) -> None:
    var = tmp_path / "var"
    first = made.pack(var, build_combustion())
    standing = tree(var / first.pack)
    with Registry(f"sqlite:///{var / 'registry.sqlite'}", keys=var / "keys") as registry:
        registry.register(first)
        made.step(registry, first, "draft", "certified")
        put_aside(var / first.pack, var / "builds", var / "keys", but="")
        made.pack(var, build_combustion())
        (var / first.pack / "more.txt").write_text("more")
        finished(var / first.pack)
        certificate = PackCertificate.load(var / first.pack)
        second = replace(first, pack_digest=certificate.pack_digest, certificate_digest=certificate.digest)
        assert registry.register(second) == "rebuilt"
        assert registry.get(first.agent_id).pack_digest == first.pack_digest
    code, said = run(var, "pull", first.agent_id, str(tmp_path / "pulled"))
    assert (code, tree(tmp_path / "pulled")) == (0, standing), said
    draft = f"{first.agent_id}@{first.version}#{second.pack_digest[:12]}"
    assert run(var, "pull", draft, str(tmp_path / "draft"))[0] == 0
    assert tree(tmp_path / "draft").keys() - standing.keys() == {"more.txt"}
    checked = RUNNER.invoke(app, ["--var", str(var), "agent", "verify", first.agent_id])
    assert (checked.exit_code, first.certificate_digest in checked.output) == (0, True), checked.output
    shutil.rmtree(var / "packs")
    words = ["--var", str(var), "agent", "export", first.agent_id, "--as", "wheel", "-o", str(tmp_path / "out")]
    assert RUNNER.invoke(app, words).exit_code == 0
    shutil.rmtree(var / "builds")
    gone = RUNNER.invoke(app, words)
    assert (gone.exit_code, "there is no pack at" in gone.output) == (1, True)


def test_migrating_a_file_by_the_command(var: Path) -> None:
    var.mkdir()
    old.make(f"sqlite:///{var / 'registry.sqlite'}")
    assert f"would go from 0001 to {REVISION}" in run(var, "migrate", "--dry-run")[1]
    assert f"went from 0001 to {REVISION}" in run(var, "migrate")[1]
    code, said = run(var, "migrate", "--to", "0001")
    assert (code, "cannot hold" in said) == (2, True)
    assert "from 0002 to 0001" in run(var, "migrate", "--to", "0001", "--lose")[1]
    code, said = run(var, "migrate", "--json")
    assert json.loads(said) == {"before": "0001", "after": REVISION, "taken": True}
    assert "already" in run(var, "migrate")[1]


def test_migrating_postgresql_by_the_command(postgres: Postgres, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.database() as name:
        monkeypatch.setenv("GREENLANG_REGISTRY_URL", postgres.url(name))
        code, said = run(var, "migrate")
        assert (code, "permission denied" in said) == (3, True), "the application may not make tables"
        monkeypatch.setenv("GREENLANG_REGISTRY_ADMIN_URL", postgres.url(name, OWNER))
        code, said = run(var, "migrate", "--app-role", APP)
        assert (code, "went from no tables" in said) == (0, True), said
        with Registry(postgres.url(name)) as registry:
            assert registry.count() == 0
        assert migrate.current(postgres.url(name, OWNER)) == REVISION
