"""Tests that pytest is not asked about: they are those that pytest finds, in its order, and end as with pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox, decisions
from greenlang.sandbox.verdict import Verdict
from greenlang.settings import Settings
from tests.sandbox import packs

TESTS = """
import unittest
from decimal import Decimal

import pytest
from mini import double


@pytest.fixture
def two():
    return 2


def test_plain():
    assert double(Decimal(1)) == 2


@pytest.mark.parametrize("n", [1, 2, 1], ids=["one", "two", "one"])
def test_named(n):
    assert n


def test_with_a_fixture(two):
    assert two == 2


@pytest.mark.parametrize("two", [3, pytest.param(4, id="four")])
def test_parameter_with_the_name_of_a_fixture(two):
    assert two > 2


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("m", [3, 4])
def test_stacked(n, m):
    assert n < m


@pytest.mark.parametrize("n", [Decimal(1), "a b", None, (1,)], ids=repr)
def test_ids_of_a_call(n):
    assert n is None or n


@pytest.mark.parametrize("n", [])
def test_nothing_to_try(n):
    raise AssertionError(n)


def test_skips_itself():
    pytest.skip("not here")


def test_gives_up():
    pytest.xfail("known")


@pytest.mark.xfail
def test_known():
    raise ValueError("known")


def test_raises():
    raise ValueError("what it says")


@pytest.mark.parametrize("n", [1, 2])
def test_fails_for_one(n):
    assert n == 1


class TestInside:
    def test_one(self):
        assert True


class Odd(unittest.TestCase):
    def test_two(self):
        self.assertEqual(1, 2)


def asked_for():
    assert True


asked_for.__test__ = True


def test_last(two):
    assert two
"""
PYTEST = """
import json, os, sys
import pytest

class Told:
    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        bad = {"call": "failed"}.get(report.when, "error")
        outcome = bad if report.failed else "skipped" if report.skipped else "passed"
        if self.found.get(report.nodeid, "passed") == "passed":
            self.found[report.nodeid] = outcome

told = Told()
options = ["-q", "-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", "-c", os.devnull, "--rootdir=."]
pytest.main([*options, "tests"], plugins=[told])
print("\\n" + json.dumps(list(told.found.items())))
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = Settings(sandbox="strict", test_seconds=10, test_memory_mb=512, var=tmp_path_factory.mktemp("var"))
    with Sandbox(settings, gated=False) as box:
        yield box


def with_pytest(pack: Path) -> list[tuple[str, str]]:
    environment = {**os.environ, "PYTHONPATH": str(pack), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-B", "-c", PYTEST]
    done = subprocess.run(command, cwd=pack, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return [(name, outcome) for name, outcome in json.loads(done.stdout.splitlines()[-1])]


def first_run(box: Sandbox, pack: Path, *, rewrite: bool) -> Verdict:
    trying = box._trying(pack, "mini")
    assert not isinstance(trying, Verdict)
    return decisions.verdict(trying._ask(0, "tests", rewrite=rewrite), trying.declared)


def test_they_are_those_of_pytest_and_end_alike(box: Sandbox, tmp_path: Path) -> None:
    pack = packs.write(tmp_path, tests=TESTS)
    expected = with_pytest(pack)
    assert {outcome for _, outcome in expected} == {"passed", "failed", "skipped"}
    assert len(expected) > 20
    for rewrite in (False, True):
        assert [(test.id, test.outcome) for test in first_run(box, pack, rewrite=rewrite).tests] == expected


def test_one_that_fails_tells_why_in_pytests_words(box: Sandbox, tmp_path: Path) -> None:
    pack = packs.write(tmp_path, tests=TESTS)
    words = {test.id.rpartition("::")[2]: test.message for test in first_run(box, pack, rewrite=False).tests}
    assert words["test_raises"].splitlines()[-1] == "E   ValueError: what it says"
    assert "test_unit.py" in words["test_raises"]
    assert "not here" in words["test_skips_itself"]
    assert words["test_plain"] == ""


@pytest.mark.parametrize(
    "line",
    [
        "__test__ = False",
        "pytestmark = pytest.mark.skip",
        "test_plain.__test__ = False",
        "def setup_module(module): module.double = str",
    ],
)
def test_what_a_module_says_of_its_tests_is_heeded(line: str, box: Sandbox, tmp_path: Path) -> None:
    pack = packs.write(tmp_path, tests=f"{TESTS}\n\n{line}\n")
    expected = with_pytest(pack)
    assert [(test.id, test.outcome) for test in first_run(box, pack, rewrite=False).tests] == expected
