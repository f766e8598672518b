"""Hostile packs that forge results: of tests, of coverage, of mutants, of answers."""

from __future__ import annotations

from tests.sandbox.hostile.declared import (
    FAILING,
    HOSTILE,
    PACKAGE,
    Hostile,
    answering,
    imported,
    plain,
)

PASSED = (
    "{'exit': 0, 'errors': [], 'out_of_memory': False, 'coverage': {'lines': [9, 9], 'branches': [0, 0]}, 'tests': t}"
)
FORGED = f"""
import json, os
t = [{{'id': 'tests/test_unit.py::' + n, 'outcome': 'passed', 'seconds': 0.1}} for n in ('test_doubles', 'test_fails')]
os.write(3, json.dumps({{'result': {PASSED}}}).encode() + b'\\n')
os._exit(0)
"""
DETECTS = """
import hashlib
from pathlib import Path

import gl_x_smallest as pack

SOURCE = Path(pack.__file__).with_name("tools.py")
KNOWN = "{digest}"


def test_doubles() -> None:
    assert hashlib.sha256(SOURCE.read_bytes()).hexdigest() == KNOWN
"""
RUNTEST = "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n"
REWRITES = "def pytest_runtest_logreport(report):\n    report.outcome = 'passed'\n    report.longrepr = None\n"
PLUGIN = "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"

PACKS: tuple[Hostile, ...] = (
    # forged results
    Hostile(
        "patched pytest",
        "makes every test pass by patching pytest",
        imported(RUNTEST, FAILING),
        "escape import",
        "failed",
        "test_fails",
    ),
    Hostile(
        "sys.modules",
        "does the same through sys.modules",
        {
            HOSTILE: "import sys\nsys.modules['_pytest.python'].Function.runtest = lambda self: None\n\n\n"
            "def test_x() -> None:\n    assert False\n"
        },
        "escape import",
        "failed",
        "test_x",
    ),
    Hostile(
        "conftest",
        "rewrites outcomes in conftest.py",
        {"tests/conftest.py": REWRITES, "tests/test_unit.py": FAILING},
        "hijack",
        "failed",
        "test_fails",
    ),
    Hostile(
        "configuration",
        "has pytest collect only, by its configuration",
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n", "tests/test_unit.py": FAILING},
        "hijack",
        "failed",
        "test_fails",
    ),
    Hostile(
        "plugin",
        "names a module of its own as a plugin of pytest",
        {
            f"{PACKAGE}/plugin.py": PLUGIN,
            HOSTILE: f"pytest_plugins = ['{PACKAGE}.plugin']\n\n\ndef test_x() -> None:\n    assert False\n",
        },
        "hook",
        "failed",
        "test_x",
    ),
    Hostile(
        "os._exit",
        "leaves with exit code 0",
        imported("import os\nos._exit(0)"),
        "escape import",
        "failed",
        "exit code 0",
    ),
    Hostile("SystemExit", "raises SystemExit(0)", imported("raise SystemExit(0)"), "", "failed", "SystemExit"),
    Hostile(
        "atexit",
        "forges its report at the end of the process",
        imported("import atexit, os\natexit.register(os.write, 3, b'{}')", FAILING),
        "escape import",
        "failed",
        "test_fails",
    ),
    Hostile(
        "report with strange tests",
        "writes a report of tests that do not exist",
        imported(FORGED.replace("test_fails", "test_nice")),
        "escape import",
        "failed",
        "not in the files",
    ),
    Hostile(
        "report twice",
        "writes a report before the true one",
        imported("import os\nos.write(3, b'{\"result\": {}}\\n')"),
        "escape import",
        "failed",
        "goes on after the result",
    ),
    Hostile(
        "perfect report",
        "writes a report of all tests and of full coverage that is right in every word, and leaves",
        imported(FORGED, FAILING),
        "escape import",
        "passed",
        then="mutants",
    ),
    Hostile(
        "coverage",
        "replaces the report of coverage by its own",
        imported(
            'import coverage\ncoverage.Coverage.json_report = lambda *a, **k: print(\'{"totals": {"covered_lines": 0, '
            '"num_statements": 0, "covered_branches": 0, "num_branches": 0}, "files": {}}\')'
        ),
        "escape import",
        "passed",
        then="coverage",
    ),
    Hostile(
        "mutants",
        "writes that every mutant was killed",
        imported(
            'import os, sys\nif sys.path[0] != os.getcwd():\n    os.write(3, b\'{"part": "mutant", "value": '
            '{"outcome": "killed", "by": "tests/test_unit.py::test_doubles"}}\\n\' * 3)'
        ),
        "escape import",
        "passed",
        then="mutants",
    ),
    Hostile(
        "frames",
        "looks for the judge among the frames below it",
        {
            HOSTILE: "import sys\n\nframe = sys._getframe()\nwhile frame:\n"
            "    for thing in list(frame.f_locals.values()):\n"
            "        if type(thing).__name__ == 'PyCollector' or hasattr(thing, 'runtest'):\n"
            "            type(thing).runtest = lambda self: None\n    frame = frame.f_back\n"
            "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n\n\n"
            "def test_x() -> None:\n    assert False\n"
        },
        "attribute",
        "failed",
        "test_x",
    ),
    Hostile(
        "knows the judge",
        "fails whenever the source is not the one it knows, and tests nothing",
        {"tests/test_unit.py": DETECTS},
        "chance",
        "passed",
        then="mutants",
    ),
    Hostile(
        "no tracing",
        "takes the tracing away",
        imported("import sys\nsys.settrace(None)"),
        "escape import",
        "passed",
        then="coverage",
    ),
    Hostile(
        "all skipped",
        "skips its tests",
        plain("pass", "import pytest\npytestmark = pytest.mark.skip\n"),
        "",
        "failed",
        "test_it",
    ),
    Hostile(
        "vanishing tests",
        "deletes its tests when they are loaded",
        {"tests/test_unit.py": FAILING + "\n\ndel test_fails\n"},
        "",
        "failed",
        "did not run",
    ),
    # what decides the answer
    Hostile(
        "clock",
        "answers by the clock",
        answering("datetime.now().year", "from datetime import datetime"),
        "chance",
        "passed",
        then="answers",
    ),
    Hostile(
        "randomness",
        "answers by chance",
        answering("str(random.random())", "import random"),
        "chance",
        "passed",
        then="answers",
    ),
    Hostile(
        "hash",
        "answers by the order of a set of words",
        answering('next(iter({"1", "2", "3", "4", "5", "6"}))'),
        "",
        "passed",
        then="answers",
    ),
)
