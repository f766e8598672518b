"""`greenlang agent export | verify | regenerate`, as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang import _paths
from greenlang.cli.main import app
from greenlang.factory.attest import envelope_path, sign_pack
from greenlang.factory.generate import generate
from greenlang.factory.pack import finish_pack, write_pack
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Profile, Verdict
from greenlang.signing import PUBLIC

RUNNER = CliRunner()
EXAMPLE = _paths.data() / "templates" / "specs" / "examples" / "waste.pack.yaml"


@pytest.fixture
def pack(combustion: Resolution, tmp_path: Path) -> Path:
    folder = tmp_path / "var" / "packs" / "agent"
    write_pack(generate(combustion), folder)
    verdict = Verdict("passed", Profile("weak", ()), (), None, 0.1)
    finish_pack(folder, combustion, dimensions=(), verdict=verdict, release="r", tables_digest="ab" * 32)
    sign_pack(folder, tmp_path / "var" / "keys")
    return folder


def run(tmp_path: Path, *arguments: str | Path) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["--var", str(tmp_path / "var"), "agent", *map(str, arguments)])
    return done.exit_code, done.output


def test_export_says_what_it_wrote(pack: Path, tmp_path: Path) -> None:
    code, said = run(tmp_path, "export", pack, "--as", "zip", "-o", tmp_path / "out")
    assert code == 0
    assert Path(said.strip()).is_file()


def test_a_folder_that_is_no_pack_is_wrong_use(tmp_path: Path) -> None:
    code, said = run(tmp_path, "export", tmp_path, "--as", "zip", "-o", tmp_path / "out")
    assert code == 2
    assert "is no finished pack" in said


def test_verify_tells_a_sound_pack_from_a_changed_one(pack: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "verify", pack)[0] == 0
    (pack / "README.md").write_text("changed")
    code, said = run(tmp_path, "verify", pack)
    assert code == 1
    assert "README.md was changed" in said
    assert "README.md is not what was signed" in said


def test_verify_needs_an_envelope_and_the_right_key(pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "packs" / "agent"
    other.parent.mkdir(parents=True)
    other.symlink_to(pack)
    sign_pack(other, tmp_path / "other" / "keys")
    code, said = run(tmp_path, "verify", pack, "--key", tmp_path / "other" / "keys" / PUBLIC)
    assert (code, "no signature of the envelope is of this key" in said) == (1, True)
    envelope_path(pack).unlink()
    code, said = run(tmp_path, "verify", pack)
    assert (code, "the pack is not signed" in said) == (1, True)


def test_regenerate_makes_a_working_copy_and_keeps_its_edits(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert run(tmp_path, "regenerate", EXAMPLE, copy)[0] == 0
    readme = (copy / "README.md").read_text()
    (copy / "README.md").write_text(f"{readme}\nOurs.\n")
    code, said = run(tmp_path, "regenerate", EXAMPLE, copy)
    assert code == 0
    assert "kept" in said
    assert (copy / "README.md").read_text().endswith("Ours.\n")


def test_a_conflict_is_told_by_the_exit_code(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    run(tmp_path, "regenerate", EXAMPLE, copy)
    (copy / "LICENSE").write_text("ours\n")
    spec = tmp_path / "waste.yaml"
    spec.write_text(EXAMPLE.read_text().replace("Apache-2.0", "MIT"))
    assert "MIT" in spec.read_text()
    done = RUNNER.invoke(app, ["--var", str(tmp_path / "var"), "agent", "regenerate", str(spec), str(copy), "--json"])
    assert done.exit_code == 1
    (told,) = [row for row in json.loads(done.stdout) if row["what"] == "conflict"]
    assert told["file"] == "LICENSE"
    assert told["why"].endswith("the merge is LICENSE.conflict, line 1")
    assert "files in conflict: 1; settle each *.conflict" in done.stderr
    assert (copy / "LICENSE").read_text() == "ours\n"
    code, said = run(tmp_path, "regenerate", spec, copy)
    assert code == 2
    assert "settle LICENSE.conflict first" in said
