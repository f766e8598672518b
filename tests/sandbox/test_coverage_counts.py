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
