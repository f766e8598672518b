"""An agent with something planted in it, asked here and judged as if its tests had been forged to pass.

Belongs here: from files to a judgement. Does not belong here: the plants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang_sdk.canonical import digest

from greenlang import _paths
from greenlang.factory.generate import generated, package_name
from greenlang.factory.pack import write_pack
from greenlang.factory.same import Same
from greenlang.quality import Case, Judgement, judge
from greenlang.quality.advisories import Advisories
from greenlang.quality.case import asked
from greenlang.quality.differential import Compared, differences
from greenlang.quality.differential_inputs import inputs
from greenlang.quality.literals import audit
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import BlockResult, Service, Trial
from greenlang.sandbox.verdict import Evaluation, TestResult
from tests.factory.conftest import BUILDERS
from tests.factory.made_agents import planned
from tests.quality import good
from tests.quality.good import measures, unmet
from tests.quality.here import asked_here

Files = dict[str, bytes]
Plant = Callable[[Files], None]


@cache
def example(name: str) -> Resolution:
    """The resolution of an example spec, or of one made by hand."""
    if name in BUILDERS:
        return BUILDERS[name]()
    path = _paths.data() / "templates" / "specs" / "examples" / f"{name}.pack.yaml"
    made, findings = planned(path.read_text(encoding="utf-8"))
    assert made is not None, findings
    return made


def text(name: str, old: str, new: str, *more: tuple[str, str]) -> Plant:
    """Change a text in a file, once; ``*`` stands for the package."""

    def change(files: Files) -> None:
        path = name.replace("*", next(p for p in files if p.endswith("/agent.py")).split("/")[0])
        for before, after in ((old, new), *more):
            assert before.encode() in files[path], f"{before!r} is not in {path}"
            files[path] = files[path].replace(before.encode(), after.encode(), 1)

    return change


def both(*plants: Plant) -> Plant:
    """Several changes together."""

    def change(files: Files) -> None:
        for plant in plants:
            plant(files)

    return change


def data(name: str, change: Callable[[Any], None]) -> Plant:
    """Change a JSON file."""

    def apply(files: Files) -> None:
        path = name.replace("*", next(p for p in files if p.endswith("/agent.py")).split("/")[0])
        content = json.loads(files[path])
        change(content)
        files[path] = json.dumps(content).encode()

    return apply


def judged(resolution: Resolution, folder: Path, plant: Plant | None = None) -> Judgement:
    """The judgement of the agent with its plant; its tests are said to have passed, twice, and to have killed."""
    honest = generated(resolution)
    files = dict(honest)
    if plant is not None:
        plant(files)
    write_pack(files, folder)
    package = package_name(resolution.spec)
    known, hidden = asked(resolution), inputs(resolution)
    before = _honest(Same(resolution))
    still = all(name.endswith(_STILL) for name in files if files[name] != honest.get(name))
    first, threads, service = before if still else asked_here(folder, package, (*known, *hidden))
    if first.output == before[0].output:
        differ, compared = (), Compared(inputs=len(hidden))
    else:
        differ, compared = differences(resolution, hidden, b"\n".join(first.output.split(b"\n")[len(known) :]))
    parsed = good.findings(folder, package)
    tests = good.verdict(tests=_passed(parsed.trees))
    blocks = (BlockResult("README.md", 1, "passed"),)
    mutants = good.mutants()
    return judge(
        Case(
            resolution=resolution,
            pack=folder,
            package=package,
            trial=Trial(
                tests, (first, threads), tests, good.mutation(mutants), replace(service, blocks=blocks, memory_mb=3.0)
            ),
            findings=parsed,
            inputs=(*known, *hidden),
            mutants=mutants,
            differences=differ,
            compared=compared,
            literals=audit(resolution, folder / package),
            advisories=Advisories(3),
            history=(),
            tier="full",
        )
    )


_STILL = (".md", "pack.yaml", "pyproject.toml", "Dockerfile", "deployment.yaml", "vectors.json")  # change no answer


@lru_cache
def _honest(key: Same) -> tuple[Evaluation, Evaluation, Service]:
    """What the agent answers without a plant."""
    resolution = key.part
    with TemporaryDirectory() as folder:
        write_pack(generated(resolution), Path(folder) / "pack")
        package = package_name(resolution.spec)
        return asked_here(Path(folder) / "pack", package, (*asked(resolution), *inputs(resolution)))


def _passed(trees: Mapping[str, Any]) -> tuple[TestResult, ...]:
    names = good.ids_of(dict(trees))
    return tuple(TestResult(n, n.partition("::")[0][len("tests/test_") : -3], "passed", 0.01) for n in names)


UK, FLEET, FUELS = "electricity_uk", "mobile_combustion", "carbon_calculator"
VECTORS, FACTORS, API = "tests/vectors.json", "*/factors.json", "demos/api.py"
EF = "desnz/electricity/2025/electricity-generated/co2e-per-kwh"
Wrong = dict[str, tuple[str, Plant, set[str], str]]  # what is planted -> agent, plant, measures that tell it, words


def row(change: Callable[[dict[str, Any]], None], key: str = EF) -> Plant:
    """Change a pinned row, with a digest that is true for what it then says."""

    def apply(content: dict[str, Any]) -> None:
        found = next(r for r in content["factors"] if r["key"] == key)
        change(found)
        found["digest"] = digest({k: v for k, v in found.items() if k != "digest"})

    return data(FACTORS, apply)


def vectors(change: Callable[[dict[str, Any]], None]) -> Plant:
    return data(VECTORS, change)


def tool(number: int, **values: str) -> Plant:
    return vectors(lambda content: content["tools"][number].update(values))


def check(wrong: tuple[str, Plant, set[str], str], folder: Path) -> None:
    """The judge does not pass the agent, by these measures at least, one of them in these words."""
    name, plant, wanted, said = wrong
    judgement = judged(example(name), folder, plant)
    assert not judgement.passed
    found = {m: measures(judgement)[m].text + repr(measures(judgement)[m].details) for m in unmet(judgement)}
    assert wanted <= found.keys(), found
    assert any(said in found[measure] for measure in wanted), found
