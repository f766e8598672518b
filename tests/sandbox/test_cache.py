"""A trial is kept under everything that it depends on, and only if it would end the same again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from greenlang.sandbox import Evaluation, Profile, Sandbox, TestResult, Verdict, cache, sources
from greenlang.sandbox.trial import (
    Block,
    BlockResult,
    MutantResult,
    MutatedFile,
    Mutation,
    Service,
    Trial,
    TrialRequest,
)
from greenlang.sandbox.trials import Trying
from greenlang.sandbox.verdict import CoverageResult
from greenlang.settings import Settings
from tests.sandbox import packs

PROFILE = Profile("strict", ("landlock abi 7", "seccomp", "rlimits"))
TRIAL = Trial(
    Verdict(
        "passed",
        PROFILE,
        (TestResult("tests/test_a.py::test_a[é]", "a", "passed", 0.1),),
        CoverageResult(1, 2, 3, 4, (("a.py", (1, 2)),)),
        seconds=1.5,
    ),
    (Evaluation("passed", PROFILE, '{"x":"é"}\n'.encode()),),
    Verdict("failed", PROFILE, detail="flaky"),
    Mutation("passed", (MutantResult("m", "killed", "tests/test_a.py::test_a[é]"),), cpu_seconds=0.25),
    Service(
        "passed",
        (0.1, 0.2),
        1.5,
        200,
        {"status": "ok"},
        {"runs": 1},
        ("{}",),
        (BlockResult("README.md", 1, "passed"),),
        http={"GET /health": (200, "{}")},
    ),
)
REQUEST = TrialRequest(
    ({"amount": "1"},), (MutatedFile("m", "mini/__init__.py", b"x"),), (Block("README.md", 1, "sh", "x"),)
)
LIMITS = (60, 1024)


def key(pack: Path, request: TrialRequest = REQUEST, profile: Profile = PROFILE, limits: tuple[int, int] = LIMITS):
    return cache.key(pack, "mini", request, profile, limits)


def test_what_was_kept_comes_back_whole_and_says_that_it_was_kept(tmp_path):
    kept = cache.TrialCache(tmp_path)
    assert kept.get("ab" * 32) is None
    kept.put("ab" * 32, TRIAL)
    assert kept.get("ab" * 32) == replace(TRIAL, cached=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:80] + bytes([data[80] ^ 1]) + data[81:],
        lambda data: b"",
        lambda data: b"0" * 64 + data[64:],
    ],
)
def test_a_damaged_entry_is_no_entry(damage: Callable[[bytes], bytes], tmp_path):
    kept = cache.TrialCache(tmp_path)
    kept.put("ab" * 32, TRIAL)
    place = tmp_path / "ab" / ("ab" * 32)
    place.write_bytes(damage(place.read_bytes()))
    assert kept.get("ab" * 32) is None


@pytest.mark.parametrize("status", ["infrastructure", "escaped", "timed_out", "out_of_memory"])
@pytest.mark.parametrize("part", ["tests", "again", "mutation", "service", "evaluations"])
def test_what_may_end_otherwise_is_not_kept(status, part, tmp_path):
    value = getattr(TRIAL, part)
    changed = (replace(value[0], status=status),) if part == "evaluations" else replace(value, status=status)
    kept = cache.TrialCache(tmp_path)
    kept.put("ab" * 32, replace(TRIAL, **{part: changed}))
    assert kept.get("ab" * 32) is None
    assert list(tmp_path.iterdir()) == []


def test_a_mutant_that_the_clock_stopped_is_not_kept(tmp_path):
    assert not cache.keepable(replace(TRIAL, mutation=Mutation("passed", (MutantResult("m", "timed_out"),))))
    assert cache.keepable(replace(TRIAL, mutation=None))


def test_the_key_changes_with_everything_that_a_trial_depends_on(tmp_path, monkeypatch):
    pack = packs.write(tmp_path / "pack")
    first = key(pack)
    assert key(packs.write(tmp_path / "copy")) == first
    mutant = REQUEST.mutants[0]
    other = {
        key(packs.write(tmp_path / "a", packs.AGENT + "\n")),
        key(packs.write(tmp_path / "b", tests=packs.TESTS + "\n")),
        key(packs.write(tmp_path / "c", files={"README.md": "x"})),
        key(packs.write(tmp_path / "d", files={"tests/vectors.json": "{}"})),
        key(pack, replace(REQUEST, inputs=({"amount": "2"},))),
        key(pack, replace(REQUEST, calls=101)),
        key(pack, replace(REQUEST, blocks=())),
        key(pack, replace(REQUEST, mutants=(replace(mutant, content=b"y"),))),
        key(pack, replace(REQUEST, mutants=(replace(mutant, control=True),))),
        key(pack, profile=replace(PROFILE, primitives=("landlock abi 6", "seccomp", "rlimits"))),
        key(pack, profile=replace(PROFILE, weaknesses=("x",))),
        key(pack, limits=(61, 1024)),
        key(pack, limits=(60, 1025)),
    }
    tools = cache.tools()
    for tool in tools:
        with monkeypatch.context() as context:
            context.setattr(cache, "tools", lambda tool=tool: {**tools, tool: "another"})
            other.add(key(pack))
    assert len(other) == 13 + len(tools)
    assert first not in other
    assert {"python", "pytest", "coverage", "pydantic", "greenlang_sdk", "sandbox"} <= set(cache.tools())
    assert {"pluggy", "pydantic-core", "typing-extensions", "annotated-types", "starlette"} <= set(cache.tools())


def test_a_pack_that_is_too_large_has_no_key(tmp_path, monkeypatch):
    pack = packs.write(tmp_path / "pack")
    size = sum(path.stat().st_size for path in pack.rglob("*") if path.is_file())
    monkeypatch.setattr(cache, "MAX_PACK", size)
    assert key(pack) is not None
    monkeypatch.setattr(cache, "MAX_PACK", size - 1)
    assert key(pack) is None


def test_a_file_that_moved_between_code_and_tests_is_another_pack(tmp_path):
    one = packs.write(tmp_path / "a", files={"tests/x.txt": "x"})
    two = packs.write(tmp_path / "b", files={"x.txt": "x"})
    assert key(one) != key(two)


def test_a_pack_with_a_symbolic_link_has_no_key(tmp_path):
    for number, (name, target) in enumerate({"link": "mini/__init__.py", "folder": "mini"}.items()):
        pack = packs.write(tmp_path / str(number))
        (pack / name).symlink_to(pack / target)
        assert key(pack) is None


def test_a_sandbox_runs_a_pack_once(tmp_path):
    settings = Settings(sandbox="strict", test_seconds=10, var=tmp_path / "var")
    request = TrialRequest(inputs=({"amount": "1"},), calls=3)
    pack = packs.write(tmp_path / "pack")
    with Sandbox(settings, gated=False) as box:
        first, second = box.trial(pack, "mini", request), box.trial(pack, "mini", request)
        assert (first.cached, second.cached) == (False, True)
        assert replace(second, cached=False) == first
        (pack / "mini/__init__.py").write_text(packs.AGENT.replace("Decimal(2)", "Decimal(3)"))
        third = box.trial(pack, "mini", request)
    assert (third.cached, third.tests.status) == (False, "failed")
    with Sandbox(settings, gated=False) as box:
        assert box.trial(pack, "mini", request).cached


@pytest.mark.parametrize("when", ["before it is read", "while it runs"])
def test_a_trial_of_a_pack_that_changed_meanwhile_is_not_kept(when, tmp_path, monkeypatch, caplog):
    settings = Settings(sandbox="strict", test_seconds=10, var=tmp_path / "var")
    request = TrialRequest(inputs=({"amount": "1"},), calls=3)
    pack = packs.write(tmp_path / "pack")
    place: tuple[object, str] = (sources, "read") if when.startswith("before") else (Trying, "run")
    honest = getattr(*place)

    def changing(*given: object) -> object:
        (pack / "mini/__init__.py").write_text(packs.AGENT.replace("Decimal(2)", "Decimal(3)"))
        return honest(*given)

    with Sandbox(settings, gated=False) as box:
        monkeypatch.setattr(*place, changing)
        box.trial(pack, "mini", request)
        monkeypatch.setattr(*place, honest)
        assert "changed while it was tried" in caplog.text
        found = box.trial(pack, "mini", request)
        assert (found.cached, found.tests.status) == (False, "failed")
        again = box.trial(packs.write(pack), "mini", request)
    assert (again.cached, again.tests.status) == (False, "passed")


def test_a_trial_that_cannot_be_kept_is_told_all_the_same(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file where a folder should be")
    pack = packs.write(tmp_path / "pack")
    with Sandbox(Settings(sandbox="strict", var=tmp_path), gated=False) as box:
        trial = box.trial(pack, "mini", TrialRequest(inputs=({"amount": "1"},), calls=3))
    assert trial.tests.status == "passed"
    assert "a trial could not be kept" in caplog.text
