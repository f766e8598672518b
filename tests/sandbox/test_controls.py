"""What was not changed vouches for the mutants, and is the second run of the tests."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox import Sandbox, mutants
from greenlang.sandbox.child_retest import is_direct
from greenlang.sandbox.trial import MutatedFile, Trial, TrialRequest
from greenlang.settings import Settings
from tests.sandbox import packs

INIT = "mini/__init__.py"
Asked = list[dict[str, Any]]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = Settings(sandbox="strict", test_seconds=10, test_memory_mb=512, var=tmp_path_factory.mktemp("var"))
    with Sandbox(settings, gated=False) as box:
        yield box


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the children with the other seed are asked, in the order of their coming."""
    found: Asked = []
    real = Sandbox._ask

    def ask(self: Sandbox, seed: int, request: dict[str, Any], payload: bytes = b"") -> Any:
        if request["op"] == "again":
            found.append(json.loads(payload))
        return real(self, seed, request, payload)

    monkeypatch.setattr(Sandbox, "_ask", ask)
    return found


def run(box: Sandbox, pack: Path, *files: MutatedFile) -> Trial:
    return box.trial(pack, "mini", TrialRequest(inputs=({"amount": "1"},), mutants=files, calls=1))


def factors(pack: Path, *values: int) -> list[MutatedFile]:
    return [packs.changed(pack, INIT, "Decimal(2)", f"Decimal({n})", str(n)) for n in values]


def layout(pack: Path) -> MutatedFile:
    return packs.changed(pack, INIT, "amount * FACTOR", "amount  *  FACTOR", "layout", control=True)


def outcomes(trial: Trial) -> dict[str, str]:
    assert trial.mutation is not None
    return {result.id: result.outcome for result in trial.mutation.results}


# --- the second run ----------------------------------------------------------------------------------------------

FIXTURES = """
import mini, pytest

STATE = []

@pytest.fixture(autouse=True)
def ready():
    STATE.append(1)
    yield
    STATE.pop()

@pytest.fixture
def four():
    return mini.double(2)

def test_unasked():
    assert STATE == [1]

@pytest.mark.parametrize("times", [1, 2])
def test_named(four, times, monkeypatch, capsys):
    monkeypatch.setattr(mini, "TABLE", {})
    print(four)
    assert capsys.readouterr().out == "4\\n"
    assert (four * times, mini.TABLE) == (4 * times, {})

def test_put_back():
    assert mini.TABLE

class TestInside:
    def test_it(self):
        assert mini.FACTOR == 2

def setup_function():
    STATE.clear()
"""


@pytest.mark.parametrize("tests", [packs.TESTS, FIXTURES], ids=["functions", "fixtures"])
def test_one_child_runs_the_tests_a_second_time_and_the_mutants(tests, box, asked, tmp_path):
    pack = packs.write(tmp_path, tests=tests)
    trial = run(box, pack, *factors(pack, 3), layout(pack))
    assert len(asked) == 1
    assert (trial.again.status, trial.again.detail) == ("passed", "")
    assert [t.id for t in trial.again.tests] == [t.id for t in trial.tests.tests]
    assert {t.outcome for t in trial.again.tests} == {"passed"}
    assert (trial.mutation.status, outcomes(trial)) == ("passed", {"3": "killed", "layout": "survived"})
    assert trial.evaluations[1].output == trial.evaluations[0].output != b""


ELSEWHERE = "time.tzname[0] != 'UTC'"
FLAKY = {
    "fails": ("def test_it():\n    assert not ELSEWHERE\n", "passed, then failed"),
    "is skipped": ("def test_it():\n    if ELSEWHERE:\n        pytest.skip('not here')\n", "passed, then skipped"),
    "is skipped by a fixture": (
        "@pytest.fixture\ndef here():\n    if ELSEWHERE:\n        pytest.skip('')\ndef test_it(here):\n    pass\n",
        "passed, then skipped",
    ),
    "ends badly": (
        "@pytest.fixture\ndef here():\n    yield\n    assert not ELSEWHERE\ndef test_it(here):\n    pass\n",
        "passed, then error",
    ),
    "has another parameter": (
        "@pytest.mark.parametrize('n', [1, 3 if ELSEWHERE else 2])\ndef test_it(n):\n    pass\n",
        "passed, then not run",
    ),
    "has one more": (
        "@pytest.mark.parametrize('n', [1, 2, 3] if ELSEWHERE else [1, 2])\ndef test_it(n):\n    pass\n",
        "not run, then passed",
    ),
}


@pytest.mark.parametrize("name", FLAKY)
def test_a_test_that_ends_otherwise_among_the_mutants_is_flaky_and_named(name, box, tmp_path):
    tests, how = FLAKY[name]
    pack = packs.write(tmp_path, tests="import pytest, time, mini\n" + tests.replace("ELSEWHERE", ELSEWHERE))
    (pack / "tests/test_more.py").write_text(packs.TESTS)
    trial = run(box, pack, *factors(pack, 3, 4))
    assert trial.tests.status == "passed", trial.tests.detail
    assert trial.again.status == "failed"
    assert trial.again.detail.startswith("flaky: ")
    assert how in trial.again.detail
    assert (trial.mutation.status, trial.mutation.detail) == ("failed", "the tests do not pass without a mutant")


def test_the_same_parameters_in_another_order_are_the_same_tests(box, tmp_path):
    tests = (
        "import pytest\n@pytest.mark.parametrize('n', {'one', 'two', 'six'})\ndef test_it(n):\n    assert len(n) == 3\n"
    )
    pack = packs.write(tmp_path, tests=tests, files={"tests/test_more.py": packs.TESTS})
    trial = run(box, pack, *factors(pack, 3))
    assert (trial.again.status, trial.mutation.status) == ("passed", "passed")
    assert sorted(t.id for t in trial.again.tests) == sorted(t.id for t in trial.tests.tests)


def test_a_module_that_no_test_needs_must_import_the_second_time_too(box, tmp_path):
    pack = packs.write(tmp_path, files={"mini/odd.py": f"import time\nassert not {ELSEWHERE}\n"})
    trial = run(box, pack, *factors(pack, 3))
    assert trial.tests.status == "passed"
    assert (trial.again.status, trial.mutation.status) == ("failed", "failed")
    assert "import mini.odd" in trial.again.detail


# --- who vouches -------------------------------------------------------------------------------------------------


def test_a_test_that_fails_from_its_second_time_on_kills_no_mutant(box, tmp_path):
    """No control is the first that a child is asked about: there such a test still passes."""
    tests = "import sys, mini\ndef test_it():\n    sys.gl_times = getattr(sys, 'gl_times', 0) + 1\n"
    pack = packs.write(tmp_path, tests=tests + "    assert sys.gl_times < 2\n")
    for files in ([layout(pack), *factors(pack, 3, 4)], factors(pack, 5, 6)):
        trial = run(box, pack, *files)
        assert (trial.tests.status, trial.again.status) == ("passed", "passed")
        assert trial.mutation.status == "failed"
        assert trial.mutation.detail.startswith("it kills what was not changed (")


def test_results_stand_in_the_order_of_the_mutants(box, asked, tmp_path):
    pack = packs.write(tmp_path)
    trial = run(box, pack, layout(pack), *factors(pack, 3, 4))
    assert outcomes(trial) == {"layout": "survived", "3": "killed", "4": "killed"}
    assert list(outcomes(trial)) == ["layout", "3", "4"]
    assert asked[0]["mutants"][0]["content"] != layout(pack).content.decode()


def test_every_child_has_a_control_and_the_inputs_go_to_the_first(box, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "_AT_ONCE", 2)
    pack = packs.write(tmp_path)
    trial = run(box, pack, *factors(pack, 3, 4, 5), layout(pack), *factors(pack, 6))
    assert set(outcomes(trial).values()) == {"killed", "survived"}
    whole = {layout(pack).content.decode(), (pack / INIT).read_text() + "\n"}
    places = [[n for n, m in enumerate(child["mutants"]) if m["content"] in whole] for child in asked]
    assert [len(found) for found in places] == [1, 1, 1]
    assert all(found[0] > 0 for found in places)
    assert [len(child["inputs"]) for child in asked] == [1, 0, 0]


def test_what_a_child_tells_before_it_came_to_its_control_does_not_count(box, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(mutants.secrets, "randbelow", lambda places: places - 1)  # the control is the last
    pack = packs.write(tmp_path)
    ends = packs.changed(pack, INIT, "return amount * FACTOR", "__import__('os')._exit(3)", "ends")
    trial = run(box, pack, *factors(pack, 3), ends, layout(pack))
    assert outcomes(trial) == {"3": "killed", "ends": "broken", "layout": "survived"}
    assert trial.mutation.status == "passed", trial.mutation.detail
    assert [len(child["mutants"]) for child in asked] == [3, 2]
    assert asked[1]["mutants"][0] == asked[0]["mutants"][0]


MODEST = """
import json, os, time
if time.tzname[0] != "UTC":  # the run with the mutants
    for tests in ([], None, [{"id": "tests/test_unit.py::test_it", "outcome": "passed", "seconds": 0.1}]):
        value = {"outcome": "survived", "by": "", "tests": tests, "cpu_seconds": 0.1}
        os.write(3, json.dumps({"part": "mutant", "value": value}).encode() + b"\\n")
    os.write(3, b'{"result": {}}\\n')
    os._exit(0)
def test_it():
    pass
def test_other():
    pass
"""


def test_who_survives_must_have_met_every_test(box, tmp_path):
    pack = packs.write(tmp_path, tests=MODEST)
    mutation = run(box, pack, *factors(pack, 3, 4)).mutation
    assert (mutation.status, mutation.results) == ("failed", ())
    assert mutation.detail == "the tests do not pass without a mutant"


# --- which tests are called without pytest -----------------------------------------------------------------------


def plain() -> None: ...


@pytest.mark.parametrize(("a", "b"), [(1, 2), pytest.param(3, 4, id="x")], ids=str)
def named(a: int, b: int) -> None: ...


@pytest.mark.parametrize("a", [1])
@pytest.mark.parametrize("b", [1])
def stacked(a: int, b: int) -> None: ...


@pytest.mark.parametrize("a", [1], indirect=True)
def indirect(a: int) -> None: ...


@pytest.mark.parametrize("a", [pytest.param(1, marks=pytest.mark.xfail)])
def marked_inside(a: int) -> None: ...


@pytest.mark.usefixtures("x")
def with_mark() -> None: ...


@functools.wraps(plain)
def wrapped() -> None: ...


def of_a_fixture(tmp_path: Path) -> None: ...
def with_default(a: int = 1) -> None: ...
def with_rest(*rest: int) -> None: ...
def with_keyword(*, a: int) -> None: ...
async def waiting() -> None: ...


def yielding() -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("function", "direct"),
    [
        *((f, True) for f in (plain, named)),
        *((f, False) for f in (stacked, indirect, marked_inside, with_mark, wrapped, of_a_fixture)),
        *((f, False) for f in (with_default, with_rest, with_keyword, waiting, yielding, print, Path)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_only_a_function_of_its_parameters_is_called_without_pytest(function, direct):
    assert is_direct(function) is direct
