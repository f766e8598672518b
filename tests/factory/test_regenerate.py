"""Generating again over a person's edits: merged, or shown beside; never lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.errors import PackError
from greenlang.factory.generate import generate
from greenlang.factory.merging import merge
from greenlang.factory.regenerate import BASE, LISTING, Change, regenerate
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
    assert change.why.endswith("the merge is a.txt.conflict, line 3")
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


def test_a_file_that_became_a_link_or_a_folder_is_not_written_through(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_bytes(text())
    (copy / "a.txt").unlink()
    (copy / "a.txt").symlink_to(tmp_path / "outside.txt")
    (copy / "b/c.txt").unlink()
    (copy / "b/c.txt").mkdir()
    assert set(fates(regenerate({"a.txt": text(), "b/c.txt": text()}, copy)).values()) == {"kept"}
    assert set(fates(regenerate({"a.txt": b"new", "b/c.txt": b"new"}, copy)).values()) == {"conflict"}
    assert (tmp_path / "outside.txt").read_bytes() == text()
    assert (copy / "a.txt.conflict").read_bytes() == (copy / "b/c.txt.conflict").read_bytes() == b"new"
    for name in ("a.txt.conflict", "b/c.txt.conflict"):
        (copy / name).unlink()
    assert set(fates(regenerate({}, copy)).values()) == {"kept"}
    assert (copy / "a.txt").is_symlink()


@pytest.mark.parametrize("files", [{"a.txt": b"new", "b/c.txt": b"new"}, {"a.txt": b"new"}])
def test_a_folder_that_leads_out_or_is_a_file_stops_before_anything_changed(
    copy: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    (copy / "b").rename(tmp_path / "moved")
    (copy / "b").symlink_to(tmp_path / "moved")
    with pytest.raises(PackError, match=r"b/c\.txt lies outside"):
        regenerate(files, copy)
    (copy / "b").unlink()
    (copy / "b").write_text("mine")
    with pytest.raises(PackError, match=r"b is no folder, and b/d\.txt belongs into it"):
        regenerate({"a.txt": b"new", "b/d.txt": b"new"}, copy)
    assert (tmp_path / "moved" / "c.txt").read_bytes() == (copy / "a.txt").read_bytes() == text()
    assert (copy / "b").read_text() == "mine"


def test_an_edited_or_incomplete_base_is_refused(copy: Path) -> None:
    """A search and replace over the whole folder changes file and base alike: the edit is not taken for generated."""
    for place in (copy / "a.txt", copy / BASE / "a.txt"):
        place.write_bytes(text(line_2="mine"))
    with pytest.raises(PackError, match=r"is not as it was generated \(a\.txt\); bring it back"):
        regenerate({"a.txt": text(line_2="new"), "b/c.txt": text()}, copy)
    (copy / BASE / "a.txt").write_bytes(text())
    for gone in ("b/c.txt", LISTING):
        (copy / BASE / gone).unlink()
        with pytest.raises(PackError, match=re.escape(f"({gone})")):
            regenerate({"a.txt": text(line_2="new"), "b/c.txt": text()}, copy)
    assert (copy / "a.txt").read_bytes() == text(line_2="mine")


def test_line_ends_of_another_system_are_no_edit_and_stay(copy: Path) -> None:
    (copy / "a.txt").write_bytes(text(line_2="mine").replace(b"\n", b"\r\n"))
    (copy / "b/c.txt").write_bytes(text().replace(b"\n", b"\r\n"))
    assert fates(regenerate({"a.txt": text(line_15="new"), "b/c.txt": text(line_1="new")}, copy)) == {
        "a.txt": "merged",
        "b/c.txt": "written",
    }
    assert (copy / "a.txt").read_bytes() == text(line_2="mine", line_15="new").replace(b"\n", b"\r\n")
    assert (copy / "b/c.txt").read_bytes() == text(line_1="new").replace(b"\n", b"\r\n")


def test_a_merge_that_is_no_python_is_a_conflict(tmp_path: Path) -> None:
    body = "".join(f"line {i}\n" for i in range(9))
    base = f'"""{body}{body}"""\n'
    regenerate({"a.py": base.encode()}, tmp_path)
    mine = base.replace('"""', "'''")
    (tmp_path / "a.py").write_text(mine)
    new = base.replace(f"{body}{body}", f"{body}it ''' quotes\n{body}")
    (change,) = regenerate({"a.py": new.encode()}, tmp_path)
    assert change.why == "both changes together make no valid file; yours stays, the merge is a.py.conflict"
    assert (tmp_path / "a.py").read_text() == mine


def test_a_file_of_a_person_with_that_ending_stops_nothing(copy: Path) -> None:
    (copy / "notes.conflict").write_text("mine")
    assert fates(regenerate({"a.txt": b"new", "b/c.txt": text()}, copy)) == {"a.txt": "written"}


def test_folders_that_become_empty_go_and_files_stay_executable(copy: Path) -> None:
    (copy / "a.txt").chmod(0o755)
    regenerate({"a.txt": b"new"}, copy)
    assert not (copy / "b").exists()
    assert (copy / "a.txt").stat().st_mode & 0o777 == 0o755


class Killed(BaseException):
    """Not to be caught by anybody."""


def test_a_call_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {"a.txt": text(), "b/c.txt": text(), "gone.txt": text()}
    second = {"a.txt": text(line_15="second"), "b/c.txt": text(line_9="second"), "more.txt": text()}
    third = {"a.txt": text(line_15="third"), "b/c.txt": text(), "more.txt": text(line_1="third")}

    def calls(folder: Path, *, allowed: int) -> bool:
        """Two calls, the first of them killed at a file operation; whether it was."""
        left = allowed

        def counted(real: Callable[..., object]) -> Callable[..., object]:
            def operation(*arguments: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return real(*arguments)

            return operation

        killed = False
        with monkeypatch.context() as patched:
            for name in ("replace", "rename", "unlink", "write_bytes"):
                patched.setattr(Path, name, counted(getattr(Path, name)))
            try:
                regenerate(second, folder)
            except Killed:
                killed = True
        regenerate(third, folder)
        return killed

    at, killed = 0, True
    while killed:
        folder = tmp_path / str(at)
        regenerate(first, folder)
        (folder / "a.txt").write_bytes(text(line_2="mine"))
        killed = calls(folder, allowed=at)
        own = [p for p in folder.rglob("*.txt") if folder / ".greenlang" not in p.parents]
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in own}
        assert found == {**third, "a.txt": text(line_2="mine", line_15="third")}, at
        assert regenerate(third, folder) == (Change("a.txt", "kept", "you changed it, and nothing new was generated"),)
        assert {p.name for p in (folder / ".greenlang").iterdir()} == {"base", ".gitattributes", ".ignore"}
        at += 1
    assert at > 10


def test_a_first_call_that_was_killed_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            regenerate({"a.txt": text()}, tmp_path)
    assert fates(regenerate({"a.txt": text(), "b.txt": text()}, tmp_path)) == {"a.txt": "written", "b.txt": "written"}
    assert (tmp_path / "a.txt").read_bytes() == text()


def test_a_tool_goes_and_another_comes_while_edits_stay(toolbox: Resolution, tmp_path: Path) -> None:
    def with_parts(*names: str) -> dict[str, bytes]:
        parts = tuple(part for part in toolbox.parts if part.spec.part in names)
        return generate(replace(toolbox, parts=parts, spec=replace(toolbox.spec, parts=tuple(p.spec for p in parts))))

    folder = tmp_path / "agent"
    parts = folder / "gl_plant_toolbox" / "parts"
    regenerate(with_parts("burn_fuel", "heat_pump"), folder)
    edited = parts / "heat_pump" / "tools.py"
    edited.write_text(f"{edited.read_text()}\n# ours\n")
    (parts / "burn_fuel" / "extra.py").write_text("# ours\n")
    changes = fates(regenerate(with_parts("heat_pump", "Double"), folder))
    assert changes["gl_plant_toolbox/parts/heat_pump/tools.py"] == "kept"
    assert {changes[f"gl_plant_toolbox/parts/burn_fuel/{n}.py"] for n in ("agent", "models", "tools")} == {"removed"}
    assert [p.name for p in (parts / "burn_fuel").iterdir()] == ["extra.py"]
    assert edited.read_text().endswith("# ours\n")
    assert "conflict" not in changes.values()
    assert any("double" in name for name, fate in changes.items() if fate == "written")


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
