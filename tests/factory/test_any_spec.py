"""Any spec, sound or not: an agent that passes its vectors, or a refusal with a code and a reason. Never a crash."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from greenlang_sdk.testing import answers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlang.factory import whole
from greenlang.quality.judge import difference, vector_inputs
from greenlang.specs.codes import CODES

sys.path.insert(0, str(Path(__file__).parent))  # for made_agents: tests are no package
from made_agents import imported, planned

UNITS = ("kWh", "MJ", "kg", "t", "m", "km", "h", "degC", "K", "1", "%", "kg/kWh", "kWhh", "")
NAMES = ("a", "energy", "copy", "class_", "list", "x1", "row", "given", "lookup", "tools", "l")
ODD_NAMES = ("lambda", "model_dump", "a", "été", "_x", "a b", "1")
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=30)
numbers = st.one_of(
    st.integers(-1000, 1000),
    st.decimals(-1000, 1000, places=3, allow_nan=False).map(float),
    st.sampled_from([0, 1e-30, 1e30, 0.1]),
)


def formula(names: list[str], sound: bool) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from(names),
        st.sampled_from(["2", "0.5", "0", "1000"] if sound else ["2", "3.6 [MJ/kWh]", "1 [kWh]", "0"]),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            st.tuples(st.sampled_from(["sqrt", "abs", "ln", "exp"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
            st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(inner, inner, inner, inner).map(lambda t: f"if({t[0]} > {t[1]}, {t[2]}, {t[3]})"),
        ),
        max_leaves=6,
    )


@st.composite
def inputs(draw: st.DrawFn, sound: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = st.sampled_from(NAMES if sound else ODD_NAMES)
    units = st.just("1") if sound else st.sampled_from(UNITS)
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(["float64", "float64", "float64", "int32", "string", "bool"]))
        one: dict[str, Any] = {"dtype": kind, "unit": draw(units) if kind == "float64" else "1"}
        if kind in {"float64", "int32"}:
            low, high = sorted((draw(numbers), draw(numbers)))
            one |= {} if draw(st.booleans()) else {draw(st.sampled_from(["ge", "gt"])): low}
            one |= {} if draw(st.booleans()) else {draw(st.sampled_from(["le", "lt"])): high}
        elif kind == "string":
            one["enum"] = draw(
                st.lists(st.sampled_from(["x", "y z", 'q"uote', "é"]), min_size=1, max_size=3, unique=True)
            )
        if draw(st.booleans()):
            one["description"] = draw(texts)
        if draw(st.integers(0, 3)) == 0:
            one["required"] = False
            if kind == "float64" and (sound or draw(st.booleans())):
                one["default"] = draw(numbers)
        found[name] = one
    return found


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    sound = draw(st.booleans())
    given_ = draw(inputs(sound))
    outputs: dict[str, Any] = {}
    formulas: dict[str, str] = {}
    # what a sound formula may use: numbers that are there in every run
    known = [
        name
        for name, one in given_.items()
        if one["dtype"] in {"float64", "int32"} and (one.get("required", True) or "default" in one)
    ] or list(given_)
    for name in draw(
        st.lists(st.sampled_from(["out", "total", "lambda_", "cost"]), min_size=1, max_size=3, unique=True)
    ):
        outputs[name] = {
            "dtype": "float64",
            "unit": draw(st.just("1") if sound else st.sampled_from(["1", "kWh", "MJ", "K"])),
        }
        if sound or draw(st.integers(0, 4)):
            formulas[name] = draw(formula(known, sound))
        known.append(name)
    content = {
        "schema_version": "2.0.0",
        "id": "any/spec_v1",
        "name": draw(texts),
        "version": "1.0.0",
        "summary": draw(texts),
        "license": "MIT",
        "compute": {"entrypoint": "python://x:y", "inputs": given_, "outputs": outputs, "formulas": formulas},
    }
    if not sound and draw(st.booleans()):
        values = {name: draw(numbers) for name in given_}
        content["tests"] = {"golden": [{"name": "one", "input": values, "expect": {"out": draw(numbers)}}]}
    return content


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_a_spec_gives_an_agent_that_passes_or_a_refusal_with_a_code(content: dict[str, Any]) -> None:
    resolution, findings = planned(json.dumps(content, ensure_ascii=False))
    assert all(d.code in CODES and d.message for d in findings)
    errors = [d for d in findings if d.severity == "error"]
    if resolution is None:
        assert errors
        return
    if errors or resolution.missing:
        assert all(m.reason for m in resolution.missing)
        return
    with imported(resolution) as pack:
        asked = whole.questions(resolution)
        lines = answers(pack.__name__, vector_inputs(resolution)).splitlines()
        for question, line in zip(asked, lines, strict=True):
            assert difference(question.vector, line) == "", question.vector
