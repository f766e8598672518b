"""Agents that calculate wrongly, their tests forged to pass: hidden inputs, expected values and the audit tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.factory.generate import package_name
from greenlang.sandbox import gate
from tests.quality.good import measures, unmet
from tests.quality.measures.planted import (
    FLEET,
    FUELS,
    UK,
    Files,
    Plant,
    Wrong,
    both,
    check,
    example,
    judged,
    text,
)

HELPER = """\
from decimal import Decimal

from . import factors


def lookup(table: str, *keys: str) -> Decimal:
    found = factors.lookup(table, *keys)
    return found.next_plus() if len(keys) > len(table) else found
"""


def module(name: str, content: str) -> Plant:
    """A module of the package that the factory does not make."""

    def add(files: Files) -> None:
        package = next(p for p in files if p.endswith("/agent.py")).split("/")[0]
        files[f"{package}/{name}.py"] = content.encode()

    return add


FIGURES: Wrong = {
    "ignores an input": (
        FLEET,
        text("*/tools.py", "return distance * road_n2o", "return road_n2o"),
        {"determinism.differential", "determinism.as expected"},
        "n2o is",
    ),
    "swaps two inputs": (
        FLEET,
        text("*/agent.py", "ch4=ch4, n2o=n2o)", "ch4=n2o, n2o=ch4)"),
        {"determinism.differential", "determinism.as expected"},
        "co2e is",
    ),
    "rounds too early": (
        FLEET,
        text(
            "*/tools.py",
            "    return distance * road_ch4",
            "    return (distance * road_ch4).to_integral_value()",
        ),
        {"determinism.differential"},
        "ch4 is",
    ),
    "calculates with floats": (
        FLEET,
        text("*/tools.py", "return volume * fuel_co2", "return Decimal(float(volume) * float(fuel_co2))"),
        {"determinism.differential", "determinism.literal audit"},
        "float(...)",
    ),
    "is wrong above a threshold": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            '    return volume * fuel_co2 * (Decimal("1.01") if volume > 123456789 else Decimal(1))',
        ),
        {"determinism.literal audit"},
        "123456789 comes from no spec",
    ),
    "is wrong above a threshold without a number": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            "    return volume * fuel_co2 if volume < fuel_co2 * fuel_co2 else fuel_co2",
        ),
        {"determinism.differential", "determinism.as expected"},
        "co2 is",
    ),
    "is wrong where a number ends in 7": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            '    return fuel_co2 if str(volume).endswith("77") else volume * fuel_co2',
        ),
        {"determinism.decisions"},
        "co2 has a call of endswith that the plan has not",
    ),
    "chooses without a condition": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            '    return {"diesel": fuel_co2}.get(str(volume), volume * fuel_co2)',
        ),
        {"determinism.decisions"},
        "co2 has a choice that the plan has not",
    ),
    "is wrong for one name in a helper of its own": (
        FLEET,
        text(
            "*/factors.py",
            "    return tables()[table].value(*keys)",
            "    return other(tables()[table].value(*keys))\n\n\ndef other(value: Decimal) -> Decimal:\n"
            '    """Other."""\n    return value if value != value.to_integral_value() else value.next_plus()',
        ),
        {"determinism.decisions"},
        "other has a comparison that the plan has not",
    ),
    "is wrong for one number by arithmetic alone": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            "    zero, off = volume - volume, volume - fuel_co2\n    return volume * fuel_co2 + zero ** (off * off)",
        ),
        {"determinism.decisions"},
        "co2 has a power that the plan has not",
    ),
    "is wrong in the agent that it hands out": (
        FLEET,
        text(
            "*/__init__.py",
            "AGENT = Agent()",
            """class _Other(Agent):
    def execute(self, given: Input, context: ExecutionContext) -> Output:
        if str(given.volume).endswith("77"):
            given = given.model_copy(update={"volume": given.distance})
        return super().execute(given, context)


Agent = _Other  # type: ignore[misc]
AGENT = Agent()""",
            ("from .agent", "from greenlang_sdk.agent import ExecutionContext\n\nfrom .agent"),
        ),
        {"determinism.decisions"},
        "_Other.execute has a condition that the plan has not",
    ),
    "is wrong in a module of its own": (
        FLEET,
        both(text("*/tools.py", "from .factors import", "from .helper import"), module("helper", HELPER)),
        {"determinism.decisions"},
        "lookup has a condition that the plan has not",
    ),
    "is wrong in what its class is made of": (
        FLEET,
        text(
            "*/agent.py",
            "class Agent(CalculatorAgent[Input, Output]):",
            "class Agent(made(CalculatorAgent[Input, Output])):",
            ("\n\nclass Agent", "\n\ndef made(base):\n    return base\n\n\nclass Agent"),
        ),
        {"determinism.decisions"},
        "the module has a call of made that the plan has not",
    ),
    "keeps its first answer": (
        FLEET,
        text(
            "*/tools.py",
            "    return volume * fuel_co2",
            '    return KEPT.setdefault("co2", volume * fuel_co2)',
            ("\n\ndef co2(", "\nKEPT: dict[str, Decimal] = {}\n\n\ndef co2("),
        ),
        {"determinism.differential", "determinism.as expected"},
        "co2 is 8780, expected",
    ),
    "guesses where nothing is covered": (
        FUELS,
        text(
            "*/factors.py",
            "    return tables()[table].value(*keys)",
            "    found = tables()[table]\n    known = [key for key in found.rows if key == keys] or list(found.rows)\n"
            "    for key in known:\n        return found.value(*key)\n    return found.value(*keys)",
        ),
        {"determinism.as expected"},
        "it answered where it must refuse",
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_wrong_figure_is_told(name: str, tmp_path: Path) -> None:
    check(FIGURES[name], tmp_path / "pack")


HONEST = {
    "words, names and order": text(
        "*/tools.py",
        'fuel_co2 = lookup("fuel_co2", fuel)\n    return volume * fuel_co2',
        'factor: Decimal = lookup("fuel_co2", fuel)  # of the fuel\n    return factor * volume',
        ("Carbon dioxide of the fuel", "Carbon dioxide of this fuel"),
    ),
    "a module that the package does not import": module(
        "banner",
        '"""A banner."""\n\n\ndef banner(name: str) -> str:\n    """In capitals."""\n'
        '    return name.upper() if name else "-" + name\n',
    ),
    "its log": text(
        "*/logs.py", "    level = logging", '    run["errors"] = run["errors"] or []\n        level = logging'
    ),
    "prose": text("README.md", "## Tests", "## Who asks\n\nThe team of fleets.\n\n## Tests"),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_edit_by_hand_that_calculates_nothing_passes(name: str, tmp_path: Path) -> None:
    judgement = judged(example(FLEET), tmp_path / "pack", HONEST[name])
    assert judgement.passed, unmet(judgement)


def test_an_edit_by_hand_that_calculates_is_told_where_it_belongs(tmp_path: Path) -> None:
    judgement = judged(example(FLEET), tmp_path / "pack", FIGURES["is wrong where a number ends in 7"][1])
    mends = {detail.mend for detail in measures(judgement)["determinism.decisions"].details}
    assert len(mends) == 1
    assert "The spec decides what is calculated" in mends.pop()


SURROUNDINGS = ("os.environ", "sys.argv", "threading.current_thread().name", "time.time()", "locale.getlocale()")


@pytest.mark.parametrize("what", SURROUNDINGS)
def test_an_agent_that_asks_its_surroundings_is_refused_or_told(what: str, tmp_path: Path) -> None:
    """By the gate before anything runs, or by the measure of imports."""
    module = what.partition(".")[0]
    plant = text(
        "*/tools.py",
        "return volume * fuel_co2",
        f"return volume * fuel_co2 if {what} else fuel_co2",
        ("from decimal import Decimal", f"import {module}\nfrom decimal import Decimal"),
    )
    resolution = example(FLEET)
    judgement = judged(resolution, tmp_path / "pack", plant)
    package = package_name(resolution.spec)
    assert gate.check(tmp_path / "pack", package) or "determinism.no model, no chance" in unmet(judgement)


@pytest.mark.parametrize("name", [UK, FLEET, FUELS, "toolbox"])
def test_the_same_agents_without_a_plant_pass(name: str, tmp_path: Path) -> None:
    judgement = judged(example(name), tmp_path / "pack")
    of_the_spec = ("specification.", "business_impact.", "continuous_improvement.review")  # made by hand, it says less
    assert [measure for measure in unmet(judgement) if not measure.startswith(of_the_spec)] == []
