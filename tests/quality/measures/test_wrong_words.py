"""An agent that says something wrong of itself, its tests changed with it: the judge tells it all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.measures.planted import (
    API,
    UK,
    VECTORS,
    Wrong,
    both,
    check,
    text,
    tool,
    vectors,
)

SAID: Wrong = {
    "unit changed with the vectors": (
        UK,
        both(text("*/tools.py", 'unit="kgCO2e"', 'unit="tCO2e"'), tool(0, unit="tCO2e")),
        {"implementation.says what the plan says", "tests.expected values", "operations.one answer"},
        "unit of scope2 is 'tCO2e', of the plan 'kgCO2e'",
    ),
    "citation changed with the vectors": (
        UK,
        both(
            text("*/tools.py", '"WTT- UK electricity, Factors by Category, cell J3066"', '"Table 9"'),
            vectors(
                lambda c: c["tools"][0].update(
                    citation=c["tools"][0]["citation"].replace(
                        "WTT- UK electricity, Factors by Category, cell J3066", "Table 9"
                    )
                )
            ),
        ),
        {"implementation.says what the plan says", "tests.expected values"},
        "citation of scope2",
    ),
    "digits changed with the vectors": (
        UK,
        both(text("*/tools.py", "decimals=6", "decimals=2"), vectors(lambda c: c["tools"][0].update(decimals=2))),
        {"implementation.says what the plan says", "tests.expected values", "determinism.literal audit"},
        "decimals of scope2 is 2",
    ),
    "unit of a field changed with the vectors": (
        UK,
        both(
            text("*/models.py", "in 2025 [kWh]", "in 2025 [MWh]"),
            vectors(lambda c: c["fields"][0].update(description="Electricity consumed in the UK in 2025 [MWh]")),
        ),
        {"implementation.says what the plan says", "tests.expected values"},
        "description of Input consumption",
    ),
    "schema of the API that says another unit": (
        UK,
        text(
            API,
            '{"input": pack.Input.model_json_schema()',
            '{"input": {"properties": {"consumption": {"description": "[MWh]"}}}',
        ),
        {"implementation.says what the plan says"},
        "the API's schema: description of Input consumption is '[MWh]'",
    ),
    "version of another": (
        UK,
        text("*/agent.py", 'version = "1.0.0"', 'version = "1.0.1"'),
        {"implementation.says what the plan says", "operations.one answer", "operations.health"},
        "its version is '1.0.1'",
    ),
    "expected value changed": (
        UK,
        vectors(lambda c: c["vectors"][1]["expect"].update(scope2="1")),
        {"tests.expected values"},
        "vectors: reference_1: scope2 is '1', of the plan 8850000000",
    ),
    "worked case left out": (
        UK,
        vectors(lambda c: c["vectors"].pop(0)),
        {"tests.expected values"},
        "the worked case one_megawatt_hour is not tested",
    ),
    "figure of the tests changed": (
        UK,
        vectors(lambda c: c["figures"][0].update(value="9")),
        {"tests.expected values"},
        "figures: value of generation [] is '9'",
    ),
    "refusal of what the spec allows": (
        UK,
        vectors(lambda c: c["refused"][6]["input"].update(consumption="5")),
        {"tests.expected values"},
        "5 is what the spec allows for consumption",
    ),
    "vectors that are none": (
        UK,
        vectors(lambda c: c["vectors"].append({"name": "x", "input": 3})),
        {"tests.expected values"},
        "it is no case",
    ),
    "no vectors": (UK, lambda files: files.update({VECTORS: b"{}"}), {"tests.expected values"}, "there are no vectors"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_an_agent_and_its_vectors_say_is_held_to_the_plan(name: str, tmp_path: Path) -> None:
    check(SAID[name], tmp_path / "pack")
