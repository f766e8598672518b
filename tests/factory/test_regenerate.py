"""Generating again over a person's edits: merged, or shown beside; never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.errors import PackError
from greenlang.factory.generate import generate
from greenlang.factory.regenerate import BASE, merge, regenerate
from greenlang.resolution.plan import Resolution

LINES = [f"line {i}\n" for i in range(20)]


def text(**changed: str) -> bytes:
    """Twenty lines, some of them changed: ``line_3="new"``."""
    return "".join(changed.get(f"line_{i}", line.rstrip()).rstrip() + "\n" for i, line in enumerate(LINES)).encode()


def fates(changes: object) -> dict[str, str]:
    return {change.name: change.fate for change in changes}  # type: ignore[attr-defined]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    regenerate({"a.txt": text(), "b/c.txt": text()}, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_new_folder_gets_every_file_and_keeps_a_base(copy: Path) -> None:
    assert (copy / "a.txt").read_bytes() == (copy / BASE / "a.txt").read_bytes() == text()
    assert regenerate({"a.txt": text(), "b/c.txt": text()}, copy) == ()


def test_edits_and_new_text_in_other_places_are_merged(copy: Path) -> None:
    (copy / "a.txt").write_bytes(text(line_2="mine"))
    changes = regenerate({"a.txt": text(line_15="new"), "b/c.txt": text(line_1="new")}, copy)
    assert fates(changes) == {"a.txt": "merged", "b/c.txt": "written"}
    assert (copy / "a.txt").read_bytes() == text(line_2="mine", line_15="new")
    assert (copy / "b/c.txt").read_bytes() == text(line_1="new")


def test_edits_are_kept_where_nothing_new_was_generated(copy: Path) -> None:
    (copy / "a.txt").write_bytes(text(line_2="mine"))
    assert fates(regenerate({"a.txt": text(), "b/c.txt": text()}, copy)) == {"a.txt": "kept"}
    assert (copy / "a.txt").read_bytes() == text(line_2="mine")


def test_a_conflict_is_shown_beside_and_stops_the_next_time(copy: Path) -> None:
    (copy / "a.txt").write_bytes(text(line_2="mine"))
    files = {"a.txt": text(line_2="new"), "b/c.txt": text()}
    (change,) = regenerate(files, copy)
    assert (change.name, change.fate) == ("a.txt", "conflict")
    assert (copy / "a.txt").read_bytes() == text(line_2="mine")
    shown = (copy / "a.txt.conflict").read_text()
    for mark in ("<<<<<<< yours\nmine\n", "||||||| generated before\nline 2\n", "new\n>>>>>>> generated now\n"):
        assert mark in shown
    with pytest.raises(PackError, match=r"settle a\.txt\.conflict first"):
        regenerate(files, copy)
    (copy / "a.txt").write_bytes(text(line_2="mine and new"))
    (copy / "a.txt.conflict").unlink()
    assert fates(regenerate(files, copy)) == {"a.txt": "kept"}
    assert (copy / "a.txt").read_bytes() == text(line_2="mine and new")


def test_files_that_a_person_added_or_removed_stay_so(copy: Path) -> None:
    (copy / "own.txt").write_text("mine")
    (copy / "a.txt").unlink()
    assert fates(regenerate({"a.txt": text(), "b/c.txt": text()}, copy)) == {"a.txt": "kept"}
    assert not (copy / "a.txt").exists()
    assert (copy / "own.txt").read_text() == "mine"
    assert fates(regenerate({"a.txt": text(line_1="new"), "b/c.txt": text()}, copy)) == {"a.txt": "conflict"}
    assert not (copy / "a.txt").exists()
    assert (copy / "a.txt.conflict").read_bytes() == text(line_1="new")


def test_a_new_file_where_a_person_has_one_already_is_a_conflict(copy: Path) -> None:
    (copy / "d.txt").write_text("mine\n")
    changes = regenerate({"a.txt": text(), "b/c.txt": text(), "d.txt": b"new\n"}, copy)
    assert fates(changes) == {"d.txt": "conflict"}
    assert (copy / "d.txt").read_text() == "mine\n"


def test_what_is_generated_no_longer_goes_unless_it_was_edited(copy: Path) -> None:
    (copy / "a.txt").write_bytes(text(line_2="mine"))
    assert fates(regenerate({}, copy)) == {"a.txt": "kept", "b/c.txt": "removed"}
    assert (copy / "a.txt").exists()
    assert not (copy / "b/c.txt").exists()


def test_a_folder_without_a_base_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("somebody's")
    with pytest.raises(PackError, match="keeps no"):
        regenerate({"README.md": b"new"}, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]


def test_nothing_is_written_through_a_link_that_leads_out(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    (copy / "a.txt").unlink()
    (copy / "a.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(PackError, match="lies outside"):
        regenerate({"a.txt": b"new"}, copy)
    assert (tmp_path / "outside.txt").read_text() == "outside"


def test_a_base_that_a_killed_process_had_written_is_taken_up(copy: Path) -> None:
    (copy / BASE).rename(copy / ".greenlang" / "base.new")
    (copy / "a.txt").write_bytes(text(line_2="mine"))
    assert fates(regenerate({"a.txt": text(line_15="new"), "b/c.txt": text()}, copy)) == {"a.txt": "merged"}


def test_a_real_agent_keeps_an_edit_when_its_spec_changes(combustion: Resolution, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    regenerate(generate(combustion), folder)
    readme = folder / "README.md"
    readme.write_text(readme.read_text().replace("# Carbon Calculator V1\n", "# Our calculator\n"))
    (folder / "notes.md").write_text("ours")
    spec = replace(combustion.spec, version="1.1.0", owners=("another-team",))
    changes = fates(regenerate(generate(replace(combustion, spec=spec)), folder))
    assert changes["README.md"] == "merged"
    assert changes["pyproject.toml"] == "written"
    assert "conflict" not in changes.values()
    assert readme.read_text().startswith("# Our calculator\n")
    assert "version `1.1.0`" in readme.read_text()


lines = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=6).map(lambda x: "".join(f"{i}\n" for i in x).encode())


@settings(max_examples=25, deadline=None)
@given(mine=lines, base=lines)
def test_a_side_that_did_not_change_leaves_the_other_alone(mine: bytes, base: bytes) -> None:
    assert merge(mine, base, base) == (mine, True)
    assert merge(base, base, mine) == (mine, True)
    assert merge(mine, base, mine) == (mine, True)


def test_binary_files_are_never_mixed(copy: Path) -> None:
    merged, clean = merge(b"\0mine", b"\0base", b"\0new")
    assert (merged, clean) == (b"\0new", False)
