"""Any spec, sound or not: an agent that passes its vectors, or a refusal with a code and a reason. Never a crash."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import greenlang_sdk
import pytest
import yaml
from greenlang_sdk.testing import answers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlang.factory import whole
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.quality.judge import difference, vector_inputs
from greenlang.resolution.explain import explain
from greenlang.resolution.plan import Resolution
from greenlang.specs.codes import CODES
from greenlang.specs.diagnostics import has_errors

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside: tests are no package
from any_specs import ATTACKS, Drawn, specs
from made_agents import imported, planned

# The linter's opinion of what an author wrote: formulas such as `if(x, 1, 1)` or `x >= x`, and texts that look like its
# own directives.
THE_AUTHORS = "PLR0124,RUF034,RUF100,SIM222,SIM223"
modest = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@settings(modest, max_examples=100)
@given(specs())
def test_a_spec_gives_an_agent_that_passes_or_a_refusal_with_a_code(drawn: Drawn) -> None:
    outcome(drawn)


@pytest.mark.slow
def test_whatever_the_names_and_texts_the_code_is_formatted_clean_and_typed(tmp_path: Path) -> None:
    packages: list[str] = []

    @settings(modest, max_examples=25)
    @given(st.data())
    def write(data: st.DataObject) -> None:
        drawn = data.draw(specs(sound=True, agent_id=f"any/s{len(packages)}"))
        resolution, findings = planned(*drawn.texts)
        if resolution is not None and resolution.complete and not has_errors(findings):
            folder = f"p{len(packages)}"
            write_pack(generate(resolution), tmp_path / folder)
            packages.append(f"{folder}/{package_name(resolution.spec)}")

    write()
    assert len(packages) > 10
    environment = os.environ | {"MYPYPATH": str(Path(greenlang_sdk.__file__).parents[1])}
    for command in (
        ["ruff", "check", "--no-cache", "--ignore", THE_AUTHORS, "--output-format=concise", "."],
        ["ruff", "format", "--no-cache", "--diff", "."],
        ["mypy", "--strict", "--cache-dir", os.devnull, *packages],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def flat(inputs: dict[str, Any], outputs: dict[str, Any], formulas: dict[str, str]) -> tuple[str, None]:
    """A spec of dialect B."""
    head = {"schema_version": "2.0.0", "id": "any/flat", "name": "Flat", "version": "1.0.0"}
    return json.dumps(head | {"compute": {"inputs": inputs, "outputs": outputs, "formulas": formulas}}), None


def test_an_answer_that_its_output_cannot_hold_is_refused() -> None:
    outputs = {"count": {"dtype": "int32"}, "growth": {"dtype": "float64"}}
    formulas = {"count": "x * 1000000", "growth": "exp(x)"}
    resolution, _ = planned(*flat({"x": {"dtype": "float64"}}, outputs, formulas))
    assert resolution is not None
    with imported(resolution) as pack:
        assert pack.AGENT.run({"x": 2}).data.count == 2_000_000
        (error,) = pack.AGENT.run({"x": 3000}).errors
        assert (error.code, error.field) == ("calculation", "count")
        assert pack.AGENT.run({"x": 10_000}).error.code == "calculation"


@pytest.mark.parametrize(
    ("pattern", "formula", "reason"),
    [
        ("^FAC-[0-9]{4}$", "x * 2", ""),
        ("^[A-Z]{2}$", "x / (x - x)", "none of the 3 inputs that were tried has an answer (division by zero in"),
        ("^[a-z&&[^a-z]]$", "x * 2", "no value was found that `site` allows"),
    ],
)
def test_an_agent_has_an_input_that_it_answers(pattern: str, formula: str, reason: str) -> None:
    inputs = {"x": {"dtype": "float64"}, "site": {"dtype": "string", "pattern": pattern}}
    resolution, _ = planned(*flat(inputs, {"y": {"dtype": "float64"}}, {"y": formula}))
    assert resolution is not None
    assert [m.reason[: len(reason)] for m in resolution.missing] == ([reason] if reason else [])
    assert bool(resolution.vectors) is not bool(reason)


def outcome(drawn: Drawn, *, again: bool = True) -> str:
    """What came of a spec: refused, incomplete or built. Asserts that a refusal has a reason and an agent is right."""
    resolution, findings = planned(*drawn.texts)
    assert all(d.code in CODES and d.message and d.hint for d in findings)
    if resolution is None:
        assert any(d.severity == "error" for d in findings)
        return "refused"
    assert explain(resolution)
    if any(d.severity == "error" for d in findings) or resolution.missing:
        assert all(m.reason for m in resolution.missing)
        return "incomplete"
    files = generate(resolution)
    assert_well_formed(files)
    with imported(resolution) as pack:
        asked = whole.questions(resolution)
        lines = answers(pack.__name__, vector_inputs(resolution)).splitlines()
        for question, line in zip(asked, lines, strict=True):
            assert difference(question.vector, line) == "", question.vector
    if again and drawn.letter == "B":
        told = outcome(drawn.with_golden(golden(resolution)), again=False)
        assert told != "refused"
    return "built"


def golden(resolution: Resolution) -> list[dict[str, Any]]:
    """Golden cases of odd names with the answers that the reference evaluator gave."""
    cases = []
    for name, vector in zip(ATTACKS, (v for v in resolution.vectors if v.expect and not v.error), strict=False):
        expect = {k: _read(v, resolution.spec.outputs[k].dtype) for k, v in vector.expect.items()}
        values = {k: v if isinstance(v, str | bool | int) else float(v) for k, v in vector.input.items()}
        if values == vector.input:
            cases.append({"name": name, "description": name, "input": values, "expect": expect})
    return cases


def _read(text: str, dtype: str) -> object:
    if dtype == "string":
        return text
    return text == "true" if dtype == "bool" else json.loads(text)


def assert_well_formed(files: Mapping[str, bytes]) -> None:
    """Every file is what its name says, and no text of the spec has become code, a key or an instruction."""
    for name, content in files.items():
        text = content.decode()
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(text, name)):
                used = [getattr(node, key, None) for key in ("id", "attr", "name", "arg", "module")]
                assert not any(isinstance(one, str) and "pwned" in one for one in used), name
        elif name.endswith(".yaml"):
            for document in yaml.safe_load_all(text):
                assert "pwned" not in keys(document), name
        elif name.endswith(".toml"):
            assert "pwned" not in keys(tomllib.loads(text)), name
        elif name.endswith(".json"):
            assert "pwned" not in keys(json.loads(text)), name
        elif not name.endswith(".md") and name != "LICENSE":
            assert not any(line.startswith(("RUN pwned", "import pwned", "pwned")) for line in text.split("\n")), name


def keys(value: object) -> set[str]:
    """Every key inside."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()
