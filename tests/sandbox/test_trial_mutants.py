"""Mutants are run in one process, with the outcome that a new process over the changed files would have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from greenlang_sdk.canonical import digest

from greenlang.sandbox import Sandbox
from greenlang.sandbox import mutants as several
from greenlang.sandbox.trial import MutatedFile, Trial, TrialRequest
from greenlang.settings import Settings
from tests.sandbox import packs

INIT = "mini/__init__.py"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = Settings(sandbox="strict", test_seconds=10, test_memory_mb=512, var=tmp_path_factory.mktemp("var"))
    with Sandbox(settings, gated=False) as box:
        yield box


def run(box: Sandbox, pack: Path, *mutants: MutatedFile, package: str = "mini") -> Trial:
    return box.trial(pack, package, TrialRequest(inputs=({"amount": "1"},), mutants=mutants, calls=1))


def outcomes(trial: Trial) -> list[str]:
    assert trial.mutation is not None
    return [result.outcome for result in trial.mutation.results]


# --- the same as a new process -----------------------------------------------------------------------------------


def another_row(pack: Path, package: str, number: int) -> MutatedFile:
    """Another value of a factor, under a digest that fits."""
    data = json.loads((pack / package / "factors.json").read_text())
    row = data["factors"][number] | {"value": "9.25"}
    row.pop("digest")
    data["factors"][number] = row | {"digest": digest(row)}
    return MutatedFile(f"row {number}", f"{package}/factors.json", json.dumps(data).encode())


def mutants_of(name: str, pack: Path, package: str) -> list[MutatedFile]:
    def change(path: str, old: str, new: str, *, control: bool = False) -> MutatedFile:
        return packs.changed(pack, f"{package}/{path}", old, new, control=control)

    if name == "combustion":
        return [
            change("tools.py", 'unit="kgCO2"', 'unit="gCO2"'),
            change("tools.py", 'Decimal("0.001")', "Decimal(1)"),
            change("tools.py", "return co2_kg + ", "return co2_kg    + ", control=True),
            change("tools.py", "co2e_kg = co2_kg + ch4_kg × gwp_ch4", "co2e_kg = co2_kg"),  # words in a docstring
            change("agent.py", "round_output(ch4_kg, 6)", "round_output(ch4_kg, 7)"),
            change("models.py", "ge=0", "gt=0"),
            change("logs.py", '"refused"', '"rejected"'),
            change("__main__.py", '== "json"', '== "xml"'),
            another_row(pack, package, 1),
        ]
    part = "parts/burn_fuel"
    return [
        change(f"{part}/tools.py", "return co2_kg + ", "return co2_kg - "),
        change(f"{part}/models.py", "ge=0", "ge=1"),
        change(f"{part}/agent.py", "round_output(co2_kg, 6)", "round_output( co2_kg, 6)", control=True),
        change("factors.py", "return tables()[table].value(*keys)", "return -tables()[table].value(*keys)"),
        another_row(pack, package, 0),
    ]


def survives_anew(pack: Path, mutant: MutatedFile, folder: Path) -> bool:
    """Whether a new process finds all tests of the changed files to pass."""
    copy = folder / "changed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(pack, copy)
    (copy / mutant.path).write_bytes(mutant.content)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "tests"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["combustion", "toolbox"])
def test_every_outcome_is_that_of_a_new_process_over_changed_files(name, box, tmp_path):
    pack, package = packs.golden(name, tmp_path)
    mutants = mutants_of(name, pack, package)
    found = run(box, pack, *mutants, package=package)
    assert found.tests.status == "passed", found.tests.detail
    here = [outcome == "survived" for outcome in outcomes(found)]
    there = [survives_anew(pack, mutant, tmp_path) for mutant in mutants]
    assert dict(zip([m.id for m in mutants], here, strict=True)) == dict(
        zip([m.id for m in mutants], there, strict=True)
    )
    assert found.mutation.status == "passed"
    assert {True, False} == set(here)


# --- what a mutant can be ----------------------------------------------------------------------------------------


def test_each_mutant_starts_from_the_unchanged_agent(box, tmp_path):
    pack = packs.write(tmp_path)
    wrong = packs.changed(pack, INIT, "Decimal(2)", "Decimal(3)")
    layout = packs.changed(pack, INIT, "amount * FACTOR", "amount  *  FACTOR", control=True)
    trial = run(box, pack, wrong, layout, replace(wrong, id="again"), replace(layout, id="layout again"))
    assert trial.mutation.status == "passed"
    assert outcomes(trial) == ["killed", "survived", "killed", "survived"]
    assert trial.mutation.results[0].by == "tests/test_unit.py::test_doubles"


CASES = {
    "a parameter that comes from the agent": (
        "import mini, pytest\n@pytest.mark.parametrize('name', list(mini.TABLE))\n"
        "def test_it(name):\n    assert len(name) == 3\n",
        '"two": 2',
        '"three": 2',
    ),
    "a figure that a test module keeps": (
        "import mini\nKEPT = mini.double(4)\ndef test_it():\n    assert KEPT == 8\n",
        "amount * FACTOR",
        "amount + FACTOR",
    ),
    "a name that a test module took over": (
        "from mini import double\ndef test_it():\n    assert double(4) == 8\n",
        "amount * FACTOR",
        "amount + FACTOR + 1",
    ),
    "a fixture of the test module": (
        "import mini, pytest\n@pytest.fixture\ndef four():\n    return mini.double(2)\n"
        "def test_it(four):\n    assert four == 4\n",
        "amount * FACTOR",
        "amount - FACTOR",
    ),
    "a test in a class": (
        "import mini\nclass TestIt:\n    def test_it(self):\n        assert mini.FACTOR == 2\n",
        "Decimal(2)",
        "Decimal(4)",
    ),
    "tests that cannot be collected": (
        "import mini\nassert mini.FACTOR == 2\ndef test_it():\n    assert True\n",
        "Decimal(2)",
        "Decimal(4)",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_test_notices_it_by(name, box, tmp_path):
    tests, old, new = CASES[name]
    pack = packs.write(tmp_path, tests=tests)
    trial = run(box, pack, packs.changed(pack, INIT, old, new))
    assert trial.tests.status == "passed", trial.tests.detail
    assert trial.mutation.status == "passed", trial.mutation.detail
    assert outcomes(trial) == ["killed"]


def test_a_data_file_is_changed_for_whoever_reads_it(box, tmp_path):
    code = "from pathlib import Path\nfrom functools import cache\n@cache\ndef figure():\n"
    code += "    return int(Path(__file__).with_name('figure.txt').read_text())\n"
    tests = "from mini.data import figure\ndef test_it():\n    assert figure() == 7\n"
    pack = packs.write(tmp_path, tests=tests, files={"mini/data.py": code, "mini/figure.txt": "7"})
    trial = run(box, pack, MutatedFile("eight", "mini/figure.txt", b"8"), MutatedFile("7", "mini/figure.txt", b"7\n"))
    assert outcomes(trial) == ["killed", "survived"]


def test_what_does_not_import_hangs_or_ends_the_process_counts_and_the_rest_is_run(box, tmp_path):
    pack = packs.write(tmp_path)

    def body(code: str) -> MutatedFile:
        return packs.changed(pack, INIT, "return amount * FACTOR", code)

    mutants = (
        body("return (("),
        packs.changed(pack, INIT, "AGENT = Agent()", "AGENT = no_such_name"),
        body("while True: pass"),
        body("__import__('os')._exit(3)"),
        body("return amount * FACTOR + 1"),
        body("return amount * FACTOR  # the same"),
    )
    trial = run(box, pack, *mutants)
    assert outcomes(trial) == ["broken", "broken", "timed_out", "broken", "killed", "survived"]
    assert trial.mutation.results[1].by == "NameError: name 'no_such_name' is not defined"
    assert trial.mutation.cpu_seconds > 1


def test_many_mutants_go_to_several_children(box, tmp_path, monkeypatch):
    monkeypatch.setattr(several, "_AT_ONCE", 3)
    pack = packs.write(tmp_path)
    mutants = [packs.changed(pack, INIT, "Decimal(2)", f"Decimal({n})", str(n)) for n in (3, 4, 2, 5, 6, 7, 8)]
    trial = run(box, pack, *mutants)
    assert [r.id for r in trial.mutation.results] == ["3", "4", "2", "5", "6", "7", "8"]
    assert outcomes(trial) == ["killed", "killed", "survived", *["killed"] * 4]
    assert trial.mutation.status == "passed"


def test_more_than_five_that_end_the_process_are_given_up(box, tmp_path):
    pack = packs.write(tmp_path)
    ends = [
        packs.changed(pack, INIT, "return amount * FACTOR", f"__import__('os')._exit({n})", str(n)) for n in range(7)
    ]
    mutation = run(box, pack, *ends).mutation
    assert mutation.status == "failed"
    assert mutation.detail.startswith("more than 5 mutants ended the process (")


def test_test_modules_may_take_from_each_other(box, tmp_path):
    more = "from .test_unit import WANTED\nimport mini\ndef test_b():\n    assert mini.FACTOR == WANTED\n"
    files = {"tests/test_more.py": more}
    pack = packs.write(tmp_path, tests="WANTED = 2\ndef test_a():\n    pass\n", files=files)
    trial = run(box, pack, packs.changed(pack, INIT, "Decimal(2)", "Decimal(3)"))
    assert (trial.tests.status, trial.again.status) == ("passed", "passed")
    assert (outcomes(trial), trial.mutation.status) == (["killed"], "passed")


# --- what may be believed ----------------------------------------------------------------------------------------


def test_a_control_that_dies_fails_the_pack(box, tmp_path):
    text = "import mini\ndef test_it():\n    ends = [place[3] or 0 for place in mini.double.__code__.co_positions()]\n"
    text += "    assert max(ends) == len('    return amount * FACTOR')\n"
    pack = packs.write(tmp_path, tests=text)
    wrong = packs.changed(pack, INIT, "amount * FACTOR", "amount * FACTOR * 1")
    layout = packs.changed(pack, INIT, "amount * FACTOR", "amount  *  FACTOR", "layout", control=True)
    mutation = run(box, pack, wrong, layout).mutation
    assert mutation.status == "failed"
    assert mutation.detail == ("it kills what was not changed (layout, killed by tests/test_unit.py::test_it)")


def test_the_text_of_the_source_tells_no_mutant(box, tmp_path):
    text = "from pathlib import Path\nimport mini\n"
    text += "def test_it():\n    assert 'Decimal(2)' in Path(mini.__file__).read_text(encoding='utf-8')\n"
    pack = packs.write(tmp_path, tests=text)
    mutation = run(box, pack, packs.changed(pack, INIT, "Decimal(2)", "Decimal(3)")).mutation
    assert (mutation.status, mutation.detail) == ("failed", "its tests notice nothing: not one mutant dies")


def test_a_suite_that_notices_nothing_fails(box, tmp_path):
    pack = packs.write(tmp_path, tests="import mini\ndef test_it():\n    assert mini.AGENT\n")
    mutation = run(box, pack, packs.changed(pack, INIT, "Decimal(2)", "Decimal(3)")).mutation
    assert (mutation.status, mutation.detail) == ("failed", "its tests notice nothing: not one mutant dies")


FORGED = """
import json, os, time
def tell(**values):
    os.write(3, json.dumps(values).encode() + b"\\n")
if time.tzname[0] != "UTC":  # the run with the mutants
    tests = [{"id": "tests/test_unit.py::test_it", "outcome": "passed", "seconds": 0.1, "message": ""}]
    tell(part="tests", value={"exit": 0, "tests": tests, "errors": [], "coverage": None})
    for _ in range(COUNT):
        tell(part="mutant", value={"outcome": "killed", "by": "BY"})
    tell(result={})
    os._exit(0)
def test_it():
    pass
"""


@pytest.mark.parametrize("control", [True, False])
def test_claiming_that_all_were_killed_is_caught_by_what_was_not_changed(control, box, tmp_path):
    """Whether the caller has a control among the mutants or the supervisor adds one of its own."""
    forged = FORGED.replace("COUNT", "3").replace("BY", "tests/test_unit.py::test_it")
    pack = packs.write(tmp_path, tests=forged)
    mutants = [packs.changed(pack, INIT, "Decimal(2)", f"Decimal({n})") for n in (3, 4)]
    if control:
        mutants.append(packs.changed(pack, INIT, "amount * FACTOR", "amount  *  FACTOR", "layout", control=True))
    trial = run(box, pack, *mutants)
    assert trial.again.status == "passed"
    assert trial.mutation.status == "failed"
    assert trial.mutation.detail.startswith("it kills what was not changed (")


@pytest.mark.parametrize(
    ("count", "by", "detail"),
    [
        ("9", "tests/test_unit.py::test_it", "it tells of more mutants than there are"),
        ("1", "tests/test_unit.py::test_it", "it does not tell of every mutant"),
        ("3", "tests/test_nice.py::test_it", "a mutant was killed by a test that is not in the files"),
    ],
)
def test_a_tale_of_mutants_that_does_not_fit_is_no_tale(count, by, detail, box, tmp_path):
    pack = packs.write(tmp_path, tests=FORGED.replace("COUNT", count).replace("BY", by))
    mutants = [packs.changed(pack, INIT, "Decimal(2)", f"Decimal({n})") for n in (3, 4)]
    mutation = run(box, pack, *mutants).mutation
    assert (mutation.status, mutation.detail) == ("failed", detail)


def test_the_child_is_told_neither_names_nor_kinds(box, tmp_path, monkeypatch):
    pack = packs.write(tmp_path)
    asked: list[bytes] = []
    real = Sandbox._ask

    def ask(self, seed, request, payload=b""):
        asked.append(json.dumps(request).encode() + payload)
        return real(self, seed, request, payload)

    monkeypatch.setattr(Sandbox, "_ask", ask)
    wrong = packs.changed(pack, INIT, "Decimal(2)", "Decimal(3)", "NAME-OF-THE-MUTANT")
    layout = packs.changed(pack, INIT, "amount * FACTOR", "amount  *  FACTOR", "NAME-OF-THE-OTHER", control=True)
    assert run(box, pack, wrong, layout).mutation.status == "passed"
    said = b"".join(asked)
    assert b"Decimal(3)" in said
    assert b"NAME-OF" not in said
    assert b"control" not in said


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ('"two": 2', '"two": 3', "killed"),  # another value at the same place
        ('"two": 2', '"two": 2, "three": 4', "killed"),  # one place more
        ('"one": 1, "two": 2', '"two": 2, "one": 1', "survived"),  # the same in another order
        ('TABLE = {"one": 1, "two": 2}', "TABLE = {}", "killed"),  # no place at all: another test counts them
    ],
)
def test_stacked_parameters_are_those_of_the_changed_agent(old, new, outcome, box, tmp_path):
    tests = """
import mini, pytest

@pytest.mark.parametrize("times", [1, 10])
@pytest.mark.parametrize(("name", "value"), list(mini.TABLE.items()), ids=str)
def test_it(name, value, times):
    assert times * value == times * {"one": 1, "two": 2}[name]

def test_it_is_full():
    assert mini.TABLE
"""
    pack = packs.write(tmp_path, tests=tests)
    wrong = packs.changed(pack, INIT, "TABLE = {", "TABLE = {'one': 7}; OLD = {", "wrong")
    trial = run(box, pack, wrong, packs.changed(pack, INIT, old, new))
    assert trial.mutation.status == "passed", trial.mutation.detail
    assert outcomes(trial) == ["killed", outcome]
