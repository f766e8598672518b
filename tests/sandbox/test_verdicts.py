"""Each pack gets the verdict that it deserves, in the strict profile."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox


def body(code: str) -> str:
    """A test suite whose only test runs ``code`` and swallows what it raises."""
    lines = "\n".join(f"        {line}" for line in code.strip().splitlines())
    return f"import mini\n\ndef test_it():\n    try:\n{lines}\n    except Exception:\n        pass\n"


def test_a_good_pack_passes_with_every_line_and_branch_counted(sandbox, make_pack):
    verdict = sandbox.run_tests(make_pack(), "mini")
    assert (verdict.status, verdict.detail, verdict.passed) == ("passed", "", 4)
    assert {t.category for t in verdict.tests} == {"unit"}
    assert [t.id for t in verdict.tests][:2] == [
        "tests/test_unit.py::test_doubles[0]",
        "tests/test_unit.py::test_doubles[1]",
    ]
    assert verdict.coverage is not None
    assert verdict.coverage.percent == 100
    assert (verdict.coverage.branches_covered, verdict.coverage.branches_total) == (2, 2)
    assert verdict.profile.name == "strict"
    assert verdict.profile.weaknesses == ("the syntax trees are not looked at before the run",)  # by this fixture
    assert verdict.peak_memory_mb > 1


def test_code_that_no_test_reaches_lowers_coverage(sandbox, make_pack):
    pack = make_pack(files={"mini/unused.py": "def f(x):\n    if x:\n        return 1\n    return 2\n"})
    verdict = sandbox.run_tests(pack, "mini")
    assert verdict.status == "passed"
    assert verdict.coverage.missing == (("mini/unused.py", (2, 3, 4)),)
    assert verdict.coverage.percent < 80


def test_coverage_is_the_same_as_a_full_trace_in_a_process_of_its_own(sandbox, make_pack, tmp_path):
    import json
    import subprocess
    import sys

    code = "from mini import *\ndef test_a():\n    assert double(Input(amount=2)) == 4\n"
    pack = make_pack(tests=code)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "coverage",
            "run",
            "--branch",
            "--rcfile=/dev/null",
            f"--source={pack / 'mini'}",
            f"--data-file={tmp_path / 'data'}",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "--rootdir=.",
            "--confcutdir=.",
            "tests",
        ],
        cwd=pack,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(pack)},
    )
    shown = subprocess.run(
        [sys.executable, "-m", "coverage", "json", f"--data-file={tmp_path / 'data'}", "--rcfile=/dev/null", "-o", "-"],
        cwd=pack,
        check=True,
        capture_output=True,
    )
    totals = json.loads(shown.stdout)["totals"]
    ours = sandbox.run_tests(pack, "mini").coverage
    assert (ours.lines_covered, ours.lines_total) == (totals["covered_lines"], totals["num_statements"])
    assert (ours.branches_covered, ours.branches_total) == (totals["covered_branches"], totals["num_branches"])
    assert ours.branches_covered < ours.branches_total


def test_a_failing_test_fails_the_pack_and_says_why(sandbox, make_pack):
    verdict = sandbox.run_tests(make_pack(tests="def test_sum():\n    assert 1 + 1 == 3\n"), "mini")
    assert verdict.status == "failed"
    assert verdict.tests[0].outcome == "failed"
    assert "assert (1 + 1) == 3" in verdict.tests[0].message
    assert "test_unit.py::test_sum" in verdict.detail


def test_a_skipped_test_is_not_a_passed_one(sandbox, make_pack):
    verdict = sandbox.run_tests(make_pack(tests="import pytest\n@pytest.mark.skip\ndef test_a(): pass\n"), "mini")
    assert verdict.status == "failed"


def test_an_agent_that_cannot_be_imported_fails(sandbox, make_pack):
    verdict = sandbox.run_tests(make_pack(agent="import no_such_module_at_all\n"), "mini")
    assert verdict.status == "failed"
    assert any("no_such_module_at_all" in t.message for t in verdict.tests)


@pytest.mark.slow
def test_an_endless_loop_times_out(make_pack, sandbox):
    verdict = sandbox.run_tests(make_pack(tests="def test_it():\n    while True: pass\n"), "mini")
    assert (verdict.status, verdict.detail) == ("timed_out", "stopped after 5 s")


@pytest.mark.slow
def test_a_sleeper_that_closed_its_pipe_times_out(make_pack, sandbox):
    code = "import os, time\ndef test_it():\n    os.closerange(3, 64)\n    time.sleep(60)\n"
    assert sandbox.run_tests(make_pack(tests=code), "mini").status == "timed_out"


def test_a_memory_hog_is_out_of_memory(make_pack, sandbox):
    verdict = sandbox.run_tests(make_pack(tests="def test_it():\n    assert len(bytearray(8 * 2**30))\n"), "mini")
    assert (verdict.status, verdict.detail) == ("out_of_memory", "it asked for more than 256 MB")


def test_memory_hog_at_import_is_out_of_memory(make_pack, sandbox):
    assert sandbox.run_tests(make_pack(agent="x = [0] * 2**32\n"), "mini").status == "out_of_memory"


OUTSIDE = "/etc/passwd"
ESCAPES = {
    "reads /etc/passwd": ("open('/etc/passwd').read()", "read /etc/passwd"),
    "opens a socket": ("import socket; socket.socket()", "opened a socket"),
    "forks": ("import os; os.fork()", "forked"),
    "starts a program": ("import subprocess; subprocess.run(['/bin/true'])", "started a program"),
    "os.system": ("import os; os.system('true')", "started a program"),
    "writes a file": ("open('left.txt', 'w').write('x')", "wrote "),
    "kills its parent": ("import os; os.kill(os.getppid(), 9)", "sent a signal"),
    "kills everyone": ("import os; os.kill(-1, 9)", "sent a signal"),
    "makes a symbolic link": ("import os; os.symlink('/etc', 'etc')", "made a link"),
    "reads its parent's environment": ("import os; open(f'/proc/{os.getppid()}/environ').read()", "read /proc/"),
    "reads the memory of its parent": ("import os; os.open(f'/proc/{os.getppid()}/mem', os.O_RDONLY)", "read /proc/"),
    "goes round Python with ctypes": ("import ctypes; ctypes.CDLL(None).fork()", "loaded a native library"),
    "changes a mode": ("import os; os.chmod(__file__, 0o777)", "changed a file's mode"),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_an_attempt_to_escape_is_recorded_even_when_swallowed(name, make_pack, sandbox):
    code, said = ESCAPES[name]
    pack = make_pack(tests=body(code))
    before = sorted(p for p in pack.rglob("*"))
    verdict = sandbox.run_tests(pack, "mini")
    assert verdict.status == "escaped"
    assert said in verdict.detail
    assert verdict.attempts
    assert sorted(p for p in pack.rglob("*")) == before
    assert sandbox.run_tests(pack.parent / "pack", "mini").status == "escaped", "the server lives on"


# The audit hook is blind to these: code without a name for the hook to see, held back by the kernel alone.
RAW = """
import ctypes, sys
libc = ctypes.pythonapi
libc.syscall.restype = ctypes.c_long
def call(*a):
    return libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])
"""
NATIVE = {
    "socket": "call(41, 2, 1, 0)",
    "fork": "call(57)",
    "clone": "call(56, 17, 0, 0, 0, 0)",
    "execve": "call(59, b'/bin/true', None, None)",
    "ptrace": "call(101, 0, 0, 0, 0)",
    "unshare": "call(272, 0x10000000)",
    "io_uring": "call(425, 8, None)",
    "bpf": "call(321, 0, None, 0)",
    "kill": "import os; call(62, os.getppid(), 9)",
    "x32": "call(0x40000000 + 39)",
    "process_vm_readv": "import os; call(310, os.getppid(), None, 0, None, 0, 0)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are of x86_64")
@pytest.mark.parametrize("name", NATIVE)
def test_a_raw_system_call_kills(name, make_pack, sandbox):
    verdict = sandbox.run_tests(make_pack(tests=RAW + body(NATIVE[name])), "mini")
    assert (verdict.status, verdict.detail) == ("escaped", "it made a system call that is forbidden, and was killed")


HELD_BACK = {
    "clone3": "assert call(435, None, 0) == -1",
    "openat2": "assert call(437, -100, b'/etc/passwd', None, 0) == -1",
    "a call newer than the list": "assert call(600) == -1",
    "raising its own limit": "import resource as r\n    with pytest.raises((ValueError, OSError)):\n"
    "        r.setrlimit(r.RLIMIT_AS, (-1, -1))",
    "open for reading": "assert call(257, -100, b'/etc/passwd', 0, 0) == -1",
    "open for writing": "assert call(257, -100, b'/tmp/gl-left', 0o101, 0o600) == -1",
    "truncate": "assert call(76, bytes(__file__, 'utf-8'), 0) == -1",
    "thread": "import threading\n    with pytest.raises(RuntimeError):\n        threading.Thread(target=print).start()",
    "prctl": "assert call(157, 1, 0, 0, 0, 0) == -1",
    "abstract listing": "import os\n    with pytest.raises(PermissionError):\n        os.listdir('/')",
    "inherited descriptors": "import os\n    for n in range(4, 64):\n        with pytest.raises(OSError):\n"
    "            os.fstat(n)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are of x86_64")
@pytest.mark.parametrize("name", HELD_BACK)
def test_what_is_refused_without_a_kill(name, make_pack, sandbox):
    tests = f"import pytest\n{RAW}\ndef test_it():\n    {HELD_BACK[name]}\n"
    verdict = sandbox.run_tests(make_pack(tests=tests), "mini")
    assert verdict.status == "passed", verdict.tests or verdict.detail
    assert not Path("/tmp/gl-left").exists()


def test_leaving_with_exit_code_zero_is_no_success(make_pack, sandbox):
    verdict = sandbox.run_tests(make_pack(agent="import os\nos._exit(0)\n"), "mini")
    assert (verdict.status, verdict.detail) == ("failed", "the process ended without a result (exit code 0)")


def test_sys_exit_is_no_success(make_pack, sandbox):
    verdict = sandbox.run_tests(make_pack(agent="raise SystemExit(0)\n"), "mini")
    assert verdict.status == "failed"
    assert "SystemExit" in verdict.detail


def test_a_result_printed_to_fd_1_is_not_heard(make_pack, sandbox):
    forged = 'import os\nos.write(1, b\'{"result": {"tests": [], "errors": []}}\\n\')\nos._exit(0)\n'
    verdict = sandbox.run_tests(make_pack(agent=forged), "mini")
    assert (verdict.status, verdict.tests) == ("failed", ())


def test_a_forged_result_with_tests_that_are_not_in_the_files_fails(make_pack, sandbox):
    forged = (
        "import os, json\n"
        "t = [{'id': 'tests/test_unit.py::test_nice', 'outcome': 'passed', 'seconds': 0.1}]\n"
        "r = {'exit': 0, 'tests': t, 'errors': [], 'coverage': {'lines': [1, 1], 'branches': [1, 1]}}\n"
        "os.write(3, json.dumps({'result': r}).encode() + b'\\n')\nos._exit(0)\n"
    )
    verdict = sandbox.run_tests(make_pack(agent=forged), "mini")
    assert verdict.status == "failed"
    assert verdict.detail == "it reports tests that are not in the files: tests/test_unit.py::test_nice"


def test_a_forged_result_followed_by_the_true_one_fails(make_pack, sandbox):
    forged = "import os\nos.write(3, b'{\"result\": {}}\\n')\n"
    assert sandbox.run_tests(make_pack(agent=forged), "mini").detail == "its report goes on after the result"


def test_a_flood_of_words_is_cut_off(make_pack, sandbox):
    flood = "import os\nwhile True:\n    os.write(3, b'x' * 65536)\n"
    verdict = sandbox.run_tests(make_pack(agent=flood), "mini")
    assert (verdict.status, verdict.detail) == ("failed", "said too much")


def test_a_conftest_that_rewrites_outcomes_is_not_read(make_pack, sandbox):
    rewrite = "def pytest_runtest_logreport(report):\n    report.outcome = 'passed'\n"
    pack = make_pack(
        tests="def test_it():\n    assert False\n",
        files={"conftest.py": rewrite, "tests/conftest.py": rewrite, "pytest.ini": "[pytest]\naddopts = --co\n"},
    )
    assert sandbox.run_tests(pack, "mini").status == "failed"


def test_tests_that_vanish_at_run_time_are_missed(make_pack, sandbox):
    pack = make_pack(tests="def test_a(): pass\ndef test_b(): pass\ndel test_b\n")
    assert sandbox.run_tests(pack, "mini").detail == "tests in the files did not run: tests/test_unit.py::test_b"


def test_a_pack_without_tests_fails_and_so_does_one_named_like_a_standard_module(make_pack, sandbox):
    pack = make_pack(tests="x = 1\n")
    assert sandbox.run_tests(pack, "mini").detail == "there is no test"
    (pack / "tests/test_unit.py").write_text("def test_a(): pass\n")
    assert sandbox.run_tests(pack, "json").detail == "json is the name of a standard module"


def test_the_environment_of_the_caller_is_not_visible(make_pack, sandbox, monkeypatch):
    monkeypatch.setenv("GREENLANG_SECRET", "x")
    with Sandbox(_settings(sandbox), gated=False) as fresh:
        code = "import os\ndef test_it():\n    assert not [k for k in os.environ if 'GREENLANG' in k or k == 'HOME']\n"
        assert fresh.run_tests(make_pack(tests=code), "mini").status == "passed"


def test_the_factory_itself_cannot_be_imported(make_pack, sandbox):
    code = "import pytest\ndef test_it():\n    with pytest.raises(ImportError):\n        import greenlang.sandbox\n"
    assert sandbox.run_tests(make_pack(tests=code), "mini").status == "passed"


def test_two_packs_with_the_same_names_do_not_collide(make_pack, sandbox, tmp_path):
    first = make_pack()
    second = tmp_path / "other"
    (second / "mini").mkdir(parents=True)
    (second / "tests").mkdir()
    (second / "mini/__init__.py").write_text("ANSWER = 42\n")
    (second / "tests/test_unit.py").write_text("from mini import ANSWER\ndef test_a(): assert ANSWER == 42\n")
    for _ in range(2):
        assert sandbox.run_tests(first, "mini").passed == 4
        assert sandbox.run_tests(second, "mini").passed == 1


def test_a_unix_socket_of_the_parent_cannot_be_reached(make_pack, sandbox, tmp_path):
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({address!r})"
        assert sandbox.run_tests(make_pack(tests=body(code)), "mini").status == "escaped"


def test_threads_of_the_caller_share_a_sandbox(make_pack, sandbox):
    pack = make_pack()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(sandbox.run_tests(pack, "mini").status)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["passed"] * 4


def _settings(box: Sandbox):
    from greenlang.settings import Settings

    return Settings(sandbox="strict", test_seconds=5, test_memory_mb=256)
