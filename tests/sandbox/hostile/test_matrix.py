"""Every hostile pack, with the gate before it and without: each layer says what is declared for it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox, gate
from greenlang.sandbox.gate_rules import RULES
from greenlang.sandbox.trial import MutatedFile, TrialRequest
from greenlang.settings import Settings
from tests.sandbox.hostile.declared import GOOD, HOSTILE, PACKAGE, TOOLS, Hostile
from tests.sandbox.hostile.packs import PACKS

SMALLEST = Path(__file__).parents[2] / "golden" / "smallest"
SENTINEL = "271828.182845"
BY_NAME = {pack.name: pack for pack in PACKS}
LEFT = (Path("/tmp/gl-left"), Path("/dev/shm/gl-left"))
REQUEST = TrialRequest(inputs=({"a": "1"}, {"a": "2.5"}), calls=5)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the strict profile needs Linux")


def slow(pack: Hostile) -> object:
    marks = [pytest.mark.slow] if pack.jail == "timed_out" else []
    if pack.machine not in ("", platform.machine()):
        marks.append(pytest.mark.skip(reason=f"there is such a thing on {pack.machine} only"))
    return pytest.param(pack, id=pack.name, marks=marks)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The jail alone."""
    with Sandbox(_settings(tmp_path_factory, 30), gated=False) as found:
        yield found


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The jail alone, for packs that never end."""
    with Sandbox(_settings(tmp_path_factory, 2), gated=False) as found:
        yield found


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """As agents meet it."""
    with Sandbox(_settings(tmp_path_factory, 30)) as found:
        yield found


def _settings(factory: pytest.TempPathFactory, seconds: int) -> Settings:
    return Settings(var=factory.getbasetemp() / "var", sandbox="strict", test_seconds=seconds, test_memory_mb=256)


def built(pack: Hostile, folder: Path) -> Path:
    """The good pack, with the hostile one's files in it, and a neighbour."""
    place = folder / "pack"
    shutil.copytree(SMALLEST / PACKAGE, place / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "tests").mkdir()
    (place / "tests/test_unit.py").write_text(GOOD)
    (folder / "sibling").mkdir()
    (folder / "sibling/secret.json").write_text("{}")
    digest = hashlib.sha256((place / TOOLS).read_bytes()).hexdigest()
    for name, content in pack.files.items():
        path = place / name.lstrip("+~").replace("{tag}", str(sys.implementation.cache_tag).removeprefix("cpython-"))
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            assert content[0] in path.read_text(), "the words to change are not there"
            path.write_text(path.read_text().replace(*content))
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            before = path.read_text() if name.startswith("+") else ""
            path.write_text(before + content.replace("{digest}", digest))
    for name, target in pack.links.items():
        (place / name).symlink_to(target)
    return place


def listing(folder: Path) -> list[str]:
    return sorted(str(p) for p in folder.rglob("*"))


NEVER_MISSING = {
    *("passwd", "writes outside", "tcp", "fork bomb", "8 GB", "endless loop", "kills its parent", "leaves a file"),
    *("leaves a process", "ptrace", "native code", "clock", "randomness", "makes a link", "link in the pack"),
    *("patched pytest", "os._exit", "coverage", "report twice", "perfect report", "clone3", "i386 calls"),
    *("environment", "memory of the parent", "archive"),
}


def test_no_kind_of_attack_that_was_asked_for_is_missing() -> None:
    assert set(BY_NAME) >= NEVER_MISSING


def test_there_are_many_and_no_name_stands_twice() -> None:
    assert len(BY_NAME) == len(PACKS) >= 30
    assert all(pack.gate in ("", *RULES) for pack in PACKS)
    assert all(pack.then for pack in PACKS if pack.jail == "passed"), "somebody has to stop it"


def test_the_good_pack_passes_every_layer(gated: Sandbox, tmp_path: Path) -> None:
    place = built(Hostile("good", "", {}, "", "passed"), tmp_path)
    assert gate.check(place, PACKAGE) == ()
    trial = gated.trial(place, PACKAGE, mutated(place))
    assert (trial.tests.status, trial.tests.detail) == ("passed", "")
    assert trial.tests.profile.weaknesses == ()
    assert trial.mutation is not None
    assert [(r.id, r.outcome) for r in trial.mutation.results if r.id == "m1"] == [("m1", "killed")]
    assert trial.mutation.status == "passed"


def mutated(place: Path) -> TrialRequest:
    """One mutant that any test of a figure kills."""
    source = (place / TOOLS).read_text()
    mutant = MutatedFile("m1", TOOLS, source.replace("a * 2", "a * 3").encode())
    return TrialRequest(inputs=REQUEST.inputs, mutants=(mutant,), calls=REQUEST.calls)


@pytest.mark.parametrize("pack", [pytest.param(p, id=p.name) for p in PACKS])
def test_the_gate_refuses_what_is_declared_and_nothing_of_it_runs(
    pack: Hostile, gated: Sandbox, tmp_path: Path
) -> None:
    place = built(pack, tmp_path)
    found = gate.check(place, PACKAGE)
    if not pack.gate:
        assert found == ()
        return
    assert pack.gate in {refusal.rule for refusal in found}, [r.text for r in found]
    verdict = gated.run_tests(place, PACKAGE)
    assert verdict.status == ("escaped" if any(r.attempt for r in found) else "failed")
    assert verdict.tests == ()
    assert verdict.detail.startswith(("refused before it ran: ", "the tests cannot be read: "))
    assert bool(verdict.attempts) == (verdict.status == "escaped")
    assert gated.evaluate(place, PACKAGE, [{"a": "1"}], hash_seed=0).status == verdict.status


@pytest.mark.parametrize("pack", [slow(p) for p in PACKS if p.jail == "timed_out"])
def test_what_never_ends_is_ended(pack: Hostile, impatient: Sandbox, tmp_path: Path) -> None:
    verdict = impatient.run_tests(built(pack, tmp_path), PACKAGE)
    assert (verdict.status, verdict.detail) == ("timed_out", "stopped after 2 s")


@pytest.mark.parametrize("pack", [slow(p) for p in PACKS if p.jail != "timed_out"])
def test_without_the_gate_the_jail_says_what_is_declared(pack: Hostile, box: Sandbox, tmp_path: Path) -> None:
    place = built(pack, tmp_path)
    before = listing(tmp_path)
    if pack.name == "hunter":
        good = built(Hostile("good", "", {}, "", "passed"), tmp_path / "good")
        assert box.evaluate(good, PACKAGE, [{"a": SENTINEL}], hash_seed=0).status == "passed"
        before = listing(tmp_path)
    verdict = box.run_tests(place, PACKAGE)
    assert (verdict.status, pack.words in verdict.detail) == (pack.jail, True), (verdict.detail, verdict.attempts)
    assert bool(verdict.attempts) <= (verdict.status == "escaped")
    assert listing(tmp_path) == before
    assert not any(path.exists() for path in LEFT)
    if pack.then == "answers":
        answers = {box.evaluate(place, PACKAGE, REQUEST.inputs, hash_seed=seed).output for seed in (0, 4242)}
        assert len(answers) == 2
        assert b"" not in answers
    elif pack.then == "coverage":
        assert verdict.coverage is not None
        assert verdict.coverage.percent < 85
    elif pack.then == "mutants":
        assert caught(box, place)


def caught(box: Sandbox, place: Path) -> bool:
    """Whether the run of the mutants shows that the tests test nothing."""
    trial = box.trial(place, PACKAGE, mutated(place))
    if trial.mutation is None or trial.mutation.status != "passed":
        return True
    return any(r.id == "m1" and r.outcome == "survived" for r in trial.mutation.results)


def test_the_hunter_finds_what_is_there(box: Sandbox, tmp_path: Path) -> None:
    place = built(BY_NAME["hunter"], tmp_path)
    text = (place / HOSTILE).read_text()
    (place / HOSTILE).write_text(text.replace("('271828', '182845')", "('greenlang_sdk', 'testing')"))
    assert box.run_tests(place, PACKAGE).status == "failed"


def test_no_process_is_left(box: Sandbox, tmp_path: Path) -> None:
    for name in ("leaves a process", "fork bomb"):
        place = built(BY_NAME[name], tmp_path / name)
        box.run_tests(place, PACKAGE)
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(entry.read_bytes())
        except OSError:
            continue
    assert b"sleep\x00600\x00" not in commands


def test_what_the_gate_finds_says_where_and_what_to_do(tmp_path: Path) -> None:
    place = built(BY_NAME["passwd"], tmp_path)
    found = gate.check(place, PACKAGE)
    assert [(r.path, r.rule) for r in found] == [(HOSTILE, "name"), (HOSTILE, "outside")]
    assert found[0].text == f"{HOSTILE}:5: open (name). Leave it out."
