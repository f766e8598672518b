"""What is our own in the child: the lines of our sources, the streams, the reader of sources, the count of coverage."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox, child, server, supervisor
from greenlang.sandbox.trial import MutatedFile, TrialRequest
from tests.sandbox.conftest import AGENT, TESTS, MakePack


def test_our_lines_are_kept_when_our_files_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ours.py"
    file.write_text("first = 1\n")
    module = type(sys)("greenlang.ours_for_a_test")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    before = dict(linecache.cache)
    try:
        server._pin_our_lines()
        file.write_text("second = 2  # longer\n")
        os.utime(file, (1, 1))
        linecache.checkcache()
        assert linecache.getline(str(file), 1) == "first = 1\n"
        assert server.__file__ in linecache.cache
    finally:
        linecache.cache.clear()
        linecache.cache.update(before)


PRAGMA = """

def never(amount):  # pragma: no cover
    if amount:
        return 1
    return 2
"""


def test_an_agent_does_not_say_what_is_left_out_of_its_coverage(make_pack: MakePack, sandbox: Sandbox) -> None:
    plain = sandbox.run_tests(make_pack(AGENT + PRAGMA.replace("  # pragma: no cover", "")), "mini").coverage
    marked = sandbox.run_tests(make_pack(AGENT + PRAGMA), "mini").coverage
    assert plain is not None
    assert marked == plain
    assert marked.percent < 100


READER = """
from pathlib import Path

import pytest

pytest.MonkeyPatch().setattr(
    Path, "read_bytes", lambda self: b"import os\\nos.write(3, b'forged')\\n\\ndef test_b(): pass\\n"
)

def test_a():
    assert True
"""


def test_what_is_read_as_source_is_what_the_gate_has_read(make_pack: MakePack, sandbox: Sandbox) -> None:
    files = {"tests/test_a.py": READER, "tests/test_b.py": "def test_b():\n    assert True\n"}
    pack = make_pack(files=files)
    mutant = MutatedFile("m", "mini/__init__.py", AGENT.replace("* 2", "* 3").encode())
    trial = sandbox.trial(pack, "mini", TrialRequest(inputs=(), mutants=(mutant,), calls=1))
    assert trial.again is not None
    assert (trial.again.status, trial.again.detail) == ("passed", "")
    assert trial.mutation is not None
    assert [r.outcome for r in trial.mutation.results if r.id == "m"] == ["killed"]


def test_what_is_made_before_the_fork_fits_the_tools_that_are_installed() -> None:
    """Otherwise every child makes it anew: nothing is wrong then, but everything is slower."""
    look = "from greenlang.sandbox import child_coverage, child_pytest, server\nserver._warm_up()\n"
    look += "print(len(child_pytest._prepared), len(child_coverage._used))"
    given = supervisor.environment(0)
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=given)
    assert done.stdout.splitlines()[-1] == "1 1"


def test_no_stream_leads_to_a_file(make_pack: MakePack, sandbox: Sandbox) -> None:
    agent = AGENT + "\nimport sys\nNAMES = [type(s.buffer.raw).__name__ for s in (sys.stdin, sys.stdout, sys.stderr)]\n"
    tests = TESTS + "\ndef test_streams():\n    import mini\n    assert mini.NAMES == ['_Nowhere'] * 3\n"
    verdict = sandbox.run_tests(make_pack(agent, tests), "mini")
    assert (verdict.status, verdict.detail) == ("passed", "")


def test_no_stream_leads_to_a_file_where_a_test_turns_the_capture_off(make_pack: MakePack, sandbox: Sandbox) -> None:
    tests = (
        TESTS
        + """
import subprocess
import sys

def test_streams(capsys):
    with capsys.disabled():
        streams = sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__
        print("seen by nobody")
        assert [type(s.buffer.raw).__name__ for s in streams] == ["_Nowhere"] * 6
    print("seen")
    assert capsys.readouterr().out == "seen\\n"
"""
    )
    verdict = sandbox.run_tests(make_pack(tests=tests), "mini")
    assert (verdict.status, verdict.detail) == ("passed", "")


def test_tests_that_meet_most_files_go_first_and_are_told_in_the_order_of_the_files(
    make_pack: MakePack, sandbox: Sandbox
) -> None:
    files = {
        "tests/test_integration.py": "import mini\n\ndef test_all():\n    assert mini.MET == []\n",
        "tests/test_boundary.py": "import mini\n\ndef test_edge():\n    mini.MET.append('boundary')\n",
    }
    verdict = sandbox.run_tests(make_pack(agent=AGENT + "\nMET = []\n", files=files), "mini")
    assert (verdict.status, verdict.detail) == ("passed", "")
    assert [t.id for t in verdict.tests][:2] == [
        "tests/test_boundary.py::test_edge",
        "tests/test_integration.py::test_all",
    ]


@pytest.mark.parametrize("text", ["list[int]", "int | None", "lambda self: self.open", "x.__class__.__name__"])
def test_text_that_python_itself_makes_into_code_is_let_through(text: str) -> None:
    assert child.text_as_code(compile(text, "<string>", "eval")) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("eval('1')", "eval"), ("[lambda: open]", "open"), ("x.__globals__", "__globals__"), ("x.f_back", "f_back")],
)
def test_text_that_reaches_for_the_interpreter_is_told(text: str, name: str) -> None:
    assert child.text_as_code(compile(text, "<string>", "eval")) == f"ran a text that reaches for {name}"
    assert child.text_as_code(compile(text, "tools.py", "eval")) is None
    assert child.text_as_code(compile(text, "<xfail condition>", "eval")) == "ran a text: <xfail condition>"
