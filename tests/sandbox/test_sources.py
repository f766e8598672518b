"""What the gate looked at is what the children run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox import Sandbox, sources
from tests.sandbox.conftest import AGENT, TESTS, MakePack


def test_code_comes_from_the_text_that_was_parsed(make_pack: MakePack) -> None:
    pack = make_pack()
    found = sources.read(pack, "mini")
    (pack / "mini/__init__.py").write_text("raise SystemExit\n")
    (pack / "tests/test_unit.py").unlink()
    codes = sources.received(found.code(), pack)
    assert sorted(codes) == [str(pack / "mini/__init__.py"), str(pack / "tests/test_unit.py")]
    names: dict[str, object] = {"__name__": "mini"}
    exec(codes[str(pack / "mini/__init__.py")], names)
    assert "double" in names
    assert codes[str(pack / "mini/__init__.py")].co_filename == str(pack / "mini/__init__.py")


def test_a_child_that_runs_no_tests_gets_the_code_of_the_package_alone(make_pack: MakePack) -> None:
    pack = make_pack()
    (pack / "demos").mkdir()
    (pack / "demos/api.py").write_text("APP = 1\n")
    found = sources.read(pack, "mini")
    assert ast.unparse(found.trees["demos/api.py"]) == "APP = 1"
    assert sorted(sources.received(found.code(), pack, tests=False)) == [str(pack / "mini/__init__.py")]


def test_a_tree_of_before_counts_only_for_the_very_same_text(make_pack: MakePack) -> None:
    pack = make_pack()
    ready = sources.read(pack, "mini")
    (pack / "mini/__init__.py").write_text("raise SystemExit\n")
    found = sources.read(pack, "mini", ready)
    assert found.trees["tests/test_unit.py"] is ready.trees["tests/test_unit.py"]
    assert ast.unparse(found.trees["mini/__init__.py"]) == "raise SystemExit"


def test_a_file_that_changes_after_the_gate_changes_nothing(
    make_pack: MakePack, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = make_pack()
    read = sources.read

    def then_changed(*given: object) -> sources.Sources:
        found = read(*given)
        (pack / "mini/__init__.py").write_text(AGENT.replace("* 2", "* 3"))
        (pack / "tests/test_unit.py").write_text(TESTS.replace("2 * n", "4 * n"))
        return found

    monkeypatch.setattr(sources, "read", then_changed)
    verdict = sandbox.run_tests(pack, "mini")
    assert (verdict.status, verdict.detail) == ("passed", "")


def test_what_is_no_plain_file_is_not_read(make_pack: MakePack) -> None:
    pack = make_pack()
    (pack / "mini/link.py").symlink_to("/dev/zero")
    os.mkfifo(pack / "mini/pipe.py")
    (pack / "mini/broken.py").write_text("def\n")
    (pack / "mini/large.py").write_text("#" * (sources.MAX_SOURCE + 1))
    found = sources.read(pack, "mini")
    assert sorted(found.trees) == sorted(found.texts) == ["mini/__init__.py", "tests/test_unit.py"]
    assert list(found.tests()) == ["tests/test_unit.py"]


@pytest.mark.parametrize("kind", ["link", "pipe", "large"])
def test_tests_that_are_no_plain_files_fail_the_pack(kind: str, make_pack: MakePack, sandbox: Sandbox) -> None:
    path: Path = make_pack() / "tests/test_b.py"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("#" * (sources.MAX_SOURCE + 1))
    verdict = sandbox.run_tests(path.parents[1], "mini")
    assert verdict.status == "failed"
    assert verdict.detail == "the tests cannot be read: tests/test_b.py is no plain file, or too large"


def test_more_code_than_fits_a_request_is_compiled_by_the_children(
    make_pack: MakePack, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_CODE", 10)
    pack = make_pack()
    assert sources.read(pack, "mini").code() == ""
    assert sandbox.run_tests(pack, "mini").status == "passed"


def test_assertions_stay_where_the_supervisor_runs_without_its_own(make_pack: MakePack) -> None:
    pack = make_pack(tests="def test_a():\n    assert False\n")
    say = "import sys; from pathlib import Path; from greenlang.sandbox import sources\n"
    say += "print(sources.read(Path(sys.argv[1]), 'mini').code())"
    done = subprocess.run([sys.executable, "-O", "-c", say, str(pack)], capture_output=True, text=True, check=True)
    names: dict[str, Any] = {}
    exec(sources.received(done.stdout, pack)[str(pack / "tests/test_unit.py")], names)
    with pytest.raises(AssertionError):
        names["test_a"]()
