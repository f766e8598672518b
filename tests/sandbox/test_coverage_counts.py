"""The counts of coverage in the child, by the short way and by the report of coverage itself."""

from __future__ import annotations

import json
import subprocess
import sys

_CODE = """\
def sign(n):
    if n > 0:
        return 1
    for part in range(3):
        if part == n:
            break
    else:
        return -1
    return 0


def never():
    return 2
"""
_COUNT = """\
import json, sys
from pathlib import Path
from greenlang.sandbox.child_coverage import Tracing

pack, broken = Path(sys.argv[1]), sys.argv[2] == "broken"
sys.path.insert(0, str(pack))
tracing = Tracing(pack / "mini")
import mini
tracing.pause()
mini.sign(-1)  # not traced
with tracing.on():
    mini.sign(5)
    mini.sign(0)
if broken:
    real, calls = tracing._coverage._analyze, []

    def analyze(name, *more, **named):
        calls.append(name)
        if len(calls) == 2:
            raise AttributeError("another coverage")
        return real(name, *more, **named)

    tracing._coverage._analyze = analyze
print(json.dumps(tracing.result()))
"""


def _counts(pack, how):
    done = subprocess.run(
        [sys.executable, "-c", _COUNT, str(pack), how], capture_output=True, text=True, check=False, cwd=pack
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_report_of_coverage_counts_the_same_where_the_short_way_does_not_work(tmp_path):
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini/__init__.py").write_text(_CODE)
    (tmp_path / "mini/unused.py").write_text("a = 1\nif a:\n    b = 2\n")
    short = _counts(tmp_path, "whole")
    assert short["missing"] == {"mini/__init__.py": [8, 13], "mini/unused.py": [1, 2, 3]}
    assert short["lines"] == [8, 13]
    assert _counts(tmp_path, "broken") == short


_UNTIL_COMPLETE = """\
import json, sys
from pathlib import Path
from greenlang.sandbox.child_coverage import Tracing

pack = Path(sys.argv[1])
sys.path.insert(0, str(pack))
for package in sys.argv[2:]:  # the second goes on with the coverage of the first
    tracing = Tracing(pack / package)
    module = __import__(package)
    tracing.pause()
    states = []
    for number in (5, -1, 0, 1, 2):
        with tracing.on():
            module.sign(number)
            traced = sys.gettrace() is not None
        states.append([traced, tracing.complete])
    print(json.dumps([states, tracing.result()]))
"""


def _until_complete(pack, *packages):
    done = subprocess.run(
        [sys.executable, "-c", _UNTIL_COMPLETE, str(pack), *packages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_tracing_ends_when_nothing_is_left_to_find_and_not_before(tmp_path):
    whole = _CODE.partition("\n\ndef never")[0] + "\n"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(whole)
    (tmp_path / "third").mkdir()
    (tmp_path / "third/__init__.py").write_text(_CODE)
    first, second, third = _until_complete(tmp_path, "first", "second", "third")
    for states, counts in (first, second):
        assert states == [[True, False], [True, False], [True, True], [False, True], [False, True]]
        assert counts == {"lines": [8, 8], "branches": [6, 6], "missing": {}}
    states, counts = third
    assert states == [[True, False]] * 5
    assert (counts["lines"], counts["missing"]) == ([9, 10], {"third/__init__.py": [13]})


def test_a_file_that_nothing_imports_keeps_tracing_on(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first/__init__.py").write_text(_CODE.partition("\n\ndef never")[0] + "\n")
    (tmp_path / "first/unused.py").write_text("a = 1\n")
    ((states, counts),) = _until_complete(tmp_path, "first")
    assert states == [[True, False]] * 5
    assert counts["missing"] == {"first/unused.py": [1]}


def test_where_memory_runs_out_while_it_looks_tracing_goes_on_and_counts_the_same(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first/__init__.py").write_text(_CODE.partition("\n\ndef never")[0] + "\n")
    begin, _, end = _UNTIL_COMPLETE.partition("pack = ")
    fails = "from coverage.parser import PythonParser as P\nreal, calls = P._raw_parse, []\n"
    fails += (
        "def once(self):\n    calls.append(1)\n    if len(calls) == 1:\n        raise MemoryError\n    real(self)\n"
    )
    script = f"{begin}{fails}P._raw_parse = once\npack = {end}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), "first"], capture_output=True, text=True, check=True
    )
    states, counts = json.loads(done.stdout)
    assert states == [[True, False]] * 5
    assert counts == {"lines": [8, 8], "branches": [6, 6], "missing": {}}
