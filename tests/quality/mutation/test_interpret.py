"""The reader of packs' code gives what the code gives, and never runs it."""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import PurePosixPath

import pytest
from greenlang_sdk.decimals import CONTEXT, normal_text
from hypothesis import given
from hypothesis import strategies as st

from greenlang.factory.generate import generate, package_name
from greenlang.quality.mutation.interpret import Reading, Unreadable
from greenlang.quality.mutation.model import Edit, Source
from greenlang.quality.mutation.telling import Telling, tables_of
from greenlang.resolution import run
from tests.factory.conftest import BUILDERS

AGENT = """
class Agent:
    def execute(self, given, context):
        y = context.step(tools.y, a=given.a, b=given.b)
        return Output(y=round_output(y, 6))
"""
FLAT = sorted(set(BUILDERS) - {"toolbox"})


def reading(body: str) -> Reading:
    return Reading(ast.parse(f"def y(*, a: Decimal, b: Decimal) -> Decimal:\n    {body}\n"), ast.parse(AGENT), {})


numbers = st.decimals(min_value=-1000, max_value=1000, places=4)


@given(a=numbers, b=numbers)
def test_arithmetic_is_that_of_the_agent(a: Decimal, b: Decimal) -> None:
    got = reading("return min(a * 3 - b, abs(b)) if a >= b else -(a + Decimal('0.5'))").answer({"a": a, "b": b})
    wanted = min(a * 3 - b, abs(b)) if a >= b else -(a + Decimal("0.5"))
    assert got == {"y": normal_text(wanted)}


@given(a=numbers, b=numbers)
def test_a_division_rounds_to_34_digits_and_by_zero_has_no_answer(a: Decimal, b: Decimal) -> None:
    got = reading("return a / b * 1000000").answer({"a": a, "b": b})
    if not b:
        assert got == "calculation"
    else:
        value = CONTEXT.multiply(CONTEXT.divide(a, b), Decimal(1000000))
        assert got == {"y": normal_text(Decimal(run.canonical(value, 6)))}


@pytest.mark.parametrize(
    "body",
    [
        "return __import__('os').system('true')",
        "return [x for x in (a, b)][0]",
        "return a.real",
        "return 'a' * 1000000000",
        "while True:\n        pass",
    ],
)
def test_other_code_is_not_run(body: str) -> None:
    with pytest.raises(Unreadable):
        reading(body).answer({"a": Decimal(1), "b": Decimal(2)})


@pytest.mark.parametrize("name", FLAT)
def test_every_vector_of_a_pack_is_read_as_expected(name: str) -> None:
    resolution = BUILDERS[name]()
    files, head = generate(resolution), package_name(resolution.spec)
    sources = {path: Source(path, data) for path, data in files.items() if path.endswith(".py")}
    telling = Telling(resolution, PurePosixPath(head), sources, tables_of(files.get(f"{head}/factors.json")))
    for vector in resolution.vectors:
        answer = telling.answer(vector.input)
        if vector.error:
            assert isinstance(answer, str)
        else:
            assert isinstance(answer, dict)
            for output, expected in vector.expect.items():
                if output not in vector.tolerances:
                    assert answer[output] == expected


def test_a_change_that_no_input_shows_is_told() -> None:
    resolution = BUILDERS["odd"]()
    files, head = generate(resolution), package_name(resolution.spec)
    sources = {path: Source(path, data) for path, data in files.items() if path.endswith(".py")}
    path = f"{head}/tools.py"
    telling = Telling(resolution, PurePosixPath(head), sources, tables_of(files[f"{head}/factors.json"]))
    start = files[path].index(b"max(emissions, Decimal(0))")
    end = start + len(b"max(emissions, Decimal(0))")
    assert not telling.shows(Edit("dropped term", path, start, end, "emissions"))  # emissions are never below zero
    assert telling.shows(Edit("dropped term", path, start, end, "Decimal(0)"))
