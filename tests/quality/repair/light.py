"""A light judge and a scripted model: the ladder is tested without sandbox and without provider.

The judge really imports the pack and runs every vector; it parses, lints, and compares tests and pinned rows with what
the generator makes. It trusts the pack, which nothing outside tests may do.
"""

from __future__ import annotations

import ast
import importlib
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from greenlang_sdk.testing import agrees
from pydantic import BaseModel

from greenlang.factory import whole
from greenlang.factory.generate import generate, package_name
from greenlang.factory.outcome import Detail, DimensionResult, MeasureResult
from greenlang.factory.pack import write_pack
from greenlang.llm.ask import Answer, Ask, Disclosure, NoAnswer
from greenlang.llm.prompts import render
from greenlang.quality.judgement import Judgement
from greenlang.quality.repair import Judged, RepairRequest
from greenlang.quality.tools import PackRef, _ruff
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import Trial
from greenlang.sandbox.verdict import Profile, TestResult, Verdict
from tests.factory.conftest import BUILDERS
from tests.factory.made_agents import forget

PROFILE = Profile("strict", ("none",))
KEY = "x/agent@1.0.0-00000000"


@cache
def resolution_of(name: str) -> Resolution:
    """A resolution made by hand: combustion, heat_pump, smallest, ..."""
    return BUILDERS[name]()


@cache
def generated(name: str) -> dict[str, bytes]:
    """What the generator makes of it."""
    return generate(resolution_of(name))


@dataclass
class Bench:
    """One agent on the bench: its pack, which tests damage, and a count of trials."""

    name: str
    root: Path
    trials: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resolution = resolution_of(self.name)
        self.package = package_name(self.resolution.spec)
        self.pack = self.root / "pack"
        write_pack(generated(self.name), self.pack)

    def text(self, path: str) -> str:
        return (self.pack / path.format(p=self.package)).read_text()

    def damage(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file of the pack; "{p}" is the package."""
        target = self.pack / path.format(p=self.package)
        text = target.read_text()
        assert old in text, f"{old!r} does not stand in {path}"
        target.write_text(text.replace(old, new))

    def judge(self, folder: Path) -> Judged:
        self.trials.append(folder)
        return judge(folder, self.name, self.resolution, self.package)

    def request(self, **more: Any) -> RepairRequest:
        given: dict[str, Any] = {
            "key": KEY,
            "package": self.package,
            "resolution": self.resolution,
            "work": self.root / "work",
            "dossiers": self.root / "dossiers",
            "pack": self.pack,
            "judged": self.judge(self.pack),
        }
        return RepairRequest(**(given | more))

    def regenerate(self) -> Mapping[str, bytes]:
        return generated(self.name)


def measure(name: str, good: int, total: int, wrong: Iterable[Detail] = ()) -> MeasureResult:
    share = good / total if total else 1.0
    return MeasureResult(name, share, share == 1.0, f"{good} of {total}", tuple(wrong))


def dimension(name: str, *measures: MeasureResult, required: bool = True) -> DimensionResult:
    met = all(m.met for m in measures)
    score = 100.0 * sum(m.share or 0.0 for m in measures) / len(measures)
    return DimensionResult(
        name, name.title(), "passed" if met else "failed", score, 100, 10, required, "", "", measures
    )


def judgement(*dimensions: DimensionResult) -> Judgement:
    score = sum(d.score or 0.0 for d in dimensions) / len(dimensions)
    return Judgement(dimensions, score, all(d.status == "passed" for d in dimensions if d.required))


def judge(folder: Path, name: str, resolution: Resolution, package: str) -> Judged:
    """Parse, lint, compare and run."""
    broken = [d for p in sorted(folder.rglob("*.py")) if (d := _unparsed(folder, p))]
    lint = [f for f in _ruff([PackRef(folder, package)]).get(folder, []) if not f.code.startswith("S1")]
    held = {n: d for n, d in generated(name).items() if n.startswith("tests/") or n.endswith("factors.json")}
    lost = [n for n, d in held.items() if not (folder / n).is_file() or (folder / n).read_bytes() != d]
    tests = _run(folder, package, resolution)
    passed = sum(t.outcome == "passed" for t in tests)
    status = "passed" if passed == len(tests) else "failed"
    made = judgement(
        dimension(
            "implementation",
            measure("syntax", 1 - bool(broken), 1, broken),
            measure("lint", 1 - bool(lint), 1, [Detail(f.message, f.path, f.line, f.code) for f in lint]),
        ),
        dimension(
            "tests",
            measure("passed", passed, len(tests)),
            measure("count", len(held) - len(lost), len(held), [Detail("is not as generated", n) for n in lost]),
        ),
    )
    return Judged(made, Trial(Verdict(status, PROFILE, tests)))


def _unparsed(folder: Path, path: Path) -> Detail | None:
    try:
        ast.parse(path.read_text())
    except SyntaxError as error:
        return Detail(f"SyntaxError: {error.msg}", path.relative_to(folder).as_posix(), error.lineno or 0)
    return None


def _run(folder: Path, package: str, resolution: Resolution) -> tuple[TestResult, ...]:
    """One test a vector, and one that the package can be imported."""
    forget(package)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    importlib.invalidate_caches()
    try:
        agent = importlib.import_module(package).Agent()
    except Exception as error:  # noqa: BLE001 - whatever a damaged pack raises is what the test tells
        said = "".join(traceback.format_exception_only(error)).strip()
        return (TestResult("tests/test_unit.py", "unit", "error", 0.0, said),)
    else:
        results = [TestResult("tests/test_unit.py::test_import", "unit", "passed", 0.0)]
        return (*results, *(_vector(agent, q) for q in whole.questions(resolution)))
    finally:
        sys.path.remove(str(folder))
        forget(package)  # nobody else meets this copy
        sys.dont_write_bytecode = before


def _vector(agent: Any, question: whole.Question) -> TestResult:
    vector = question.vector
    name = f"tests/test_golden.py::test_agent_answers_what_was_expected[{vector.name}]"
    try:
        result = agent.run(question.input)
    except Exception as error:  # noqa: BLE001 - a fault of the damaged agent
        return TestResult(name, "golden", "failed", 0.0, f"{type(error).__name__}: {error}")
    if vector.error:
        codes = {e.code for e in result.errors}
        said = "" if codes == {vector.error} else f"codes {sorted(codes)}, expected {vector.error}"
    elif result.data is None:
        said = f"refused: {result.errors[0]}"
    else:
        got = result.data.as_dict()
        wrong = [n for n, e in vector.expect.items() if not agrees(got[n], e, vector.tolerances.get(n))]
        said = "; ".join(f"{n} is {got[n]}, expected {vector.expect[n]}" for n in wrong)
    return TestResult(name, "golden", "failed" if said else "passed", 0.0, said)


# --- a model -------------------------------------------------------------------------------------------------------

Said = BaseModel | NoAnswer | Callable[[Ask[Any]], BaseModel]


@dataclass
class Scripted:
    """A model that says what it was told to. Every prompt is really rendered, every reply really parsed."""

    replies: dict[str, list[Said]]
    cost: Decimal = Decimal("0.5")
    asked: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def ask(self, question: Ask[Any]) -> Answer[Any] | NoAnswer:
        made = render(question.prompt, question.values)
        self.asked.append(question.prompt)
        self.prompts.append(made.user)
        waiting = self.replies.get(question.prompt, [])
        said = waiting.pop(0) if waiting else NoAnswer("not_recorded", "no reply was scripted")
        if isinstance(said, NoAnswer):
            return said
        value = said if isinstance(said, BaseModel) else said(question)
        value = question.reply.model_validate(json.loads(value.model_dump_json()))
        return Answer(value, Disclosure(made.prompt, "ab" * 32, "scripted", "parrot-1", {}, {}, cost_usd=self.cost))
