"""Bad input gets a clear answer: each kind of mistake with its exact message, place and mend."""

from __future__ import annotations

import textwrap

import pytest

from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read

GOOD = """\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs:
    energy: {dtype: float64, unit: kWh, ge: 0}
    mass: {dtype: float64, unit: kg, ge: 0}
  outputs:
    co2e: {dtype: float64, unit: kgCO2e}
  factors:
    grid: {ref: "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"}
  formulas:
    co2e: energy * factor(grid)
"""


def findings(data: str | bytes) -> list[str]:
    """The findings of reading and resolving, as text."""
    raw = data.encode() if isinstance(data, str) else data
    spec, diagnostics = read(raw, "spec.yaml")
    if spec is not None:
        diagnostics += resolve(spec, FactorTable.load(), library()).diagnostics
    return [d.text("spec.yaml") for d in diagnostics if d.severity == "error"]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_good_one_is_good() -> None:
    assert findings(GOOD) == []


def text(message: str) -> str:
    return textwrap.dedent(message).strip()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            "a: [1, 2\nb: 3\n",
            """
            spec.yaml:2:2: error GLS002: not YAML: while parsing a flow sequence did not find expected ',' or ']'
                hint: check indentation and quotes here
            """,
            id="broken-yaml",
        ),
        pytest.param(
            changed('name: "Test"', 'name: "Test"\nname: "Again"'),
            """
            spec.yaml:4:1: error GLS003: key `name` stands twice here; the first is on line 3
                hint: keep one of the two
            """,
            id="duplicate-key",
        ),
        pytest.param(
            b"id: \xff\xfe\n",
            """
            spec.yaml:1:1: error GLS001: byte 0xff at position 4 is not UTF-8
                hint: save the file as UTF-8
            """,
            id="not-utf-8",
        ),
        pytest.param(
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)),
            """
            spec.yaml: error GLS005: aliases blow the file up to more than 100,000 values
                hint: write the values out instead of nesting aliases
            """,
            id="alias-bomb",
        ),
        pytest.param(
            b"# " + b"x" * 50_000_000,
            """
            spec.yaml: error GLS004: the file has 50,000,002 bytes; a spec may have 2,000,000
                hint: a spec holds declarations, not data: move tables into factor files
            """,
            id="fifty-megabytes",
        ),
        pytest.param(
            "",
            """
            spec.yaml:1:1: error GLS006: the file is empty
                hint: write a spec; the JSON Schema in docs/ and templates/specs/examples/ show how
            """,
            id="empty",
        ),
        pytest.param(
            "- 1\n- 2\n",
            """
            spec.yaml:1:1: error GLS007: the file holds a list, not a mapping of keys
                hint: start with `schema_version:`
            """,
            id="a-list",
        ),
        pytest.param(
            changed('"test/agent_v1"', '"../../etc/x"'),
            """
            spec.yaml:2:1: error GLS013: `../../etc/x` is no agent id
                hint: lower-case words joined by - or _, with one or more / between them, such as `emissions/boiler_v1`
            """,
            id="path-as-id",
        ),
        pytest.param(
            changed("compute:", "computer: 1\ncompute:"),
            """
            spec.yaml:5:1: error GLS010: unknown key `computer`
                hint: did you mean `compute`?
            """,
            id="unknown-key",
        ),
        pytest.param(
            changed("unit: kWh, ge: 0", "unit: kWh, minimum: 0"),
            """
            spec.yaml:7:41: error GLS010: unknown key `minimum`
                hint: known here: default, description, dtype, enum, ge, gt, le, lt, pattern, required, unit
            """,
            id="unknown-key-deep",
        ),
        pytest.param(
            changed("unit: kWh", "unit: kWhh"),
            """
            spec.yaml:7:30: error GLS020: unit `kWhh` is unknown
                hint: examples: kWh, kgCO2e, m^3, kgCO2e/kWh, tonne_km, 1
            """,
            id="unknown-unit",
        ),
        pytest.param(
            changed("electricity-generated/co2e-per-kwh", "electricity-generatd/co2e-per-kwh"),
            """
            spec.yaml:12:5: error GLS031: `ef://desnz/electricity/2025/electricity-generatd/co2e-per-kwh` names no factor of release embedded-1.0.0
                hint: nearest: NEAREST
            """,
            id="unknown-reference",
        ),
        pytest.param(
            changed("co2e: energy * factor(grid)", "co2e: other * 2\n    other: co2e / 2").replace(
                "    co2e: {dtype: float64, unit: kgCO2e}",
                "    co2e: {dtype: float64, unit: kgCO2e}\n    other: {dtype: float64, unit: kgCO2e}",
            ),
            """
            spec.yaml:15:5: error GLS042: circular outputs: co2e → other → co2e
                hint: give one of them a formula over inputs only
            """,
            id="circular",
        ),
        pytest.param(
            changed("energy * factor(grid)", "energy + mass"),
            """
            spec.yaml:14:5: error GLS041: formula of `co2e`: cannot add kWh and kg in `energy + mass`
                hint: at the mark »: energy »+ mass
            """,
            id="unit-mismatch",
        ),
        pytest.param(
            changed("energy * factor(grid)", "energy * 2"),
            """
            spec.yaml:14:5: error GLS041: formula of `co2e`: `energy × 2` is in kilowatt_hour, which does not convert into kgCO2e
                hint: at the mark »: energy »* 2
            """,
            id="unit-of-output",
        ),
        pytest.param(
            changed("energy * factor(grid)", "enrgy * factor(grid)"),
            """
            spec.yaml:14:5: error GLS040: formula of `co2e`: `enrgy` is neither an input nor an output; did you mean `energy`?
                hint: mend the formula
            """,
            id="unknown-name",
        ),
        pytest.param(
            "agent_metadata: {}\ntools: {tools_list: []}\n",
            """
            spec.yaml:1:1: error GLS008: dialect A: this is an AgentSpec V2 of eleven sections (agent_metadata, tools.tools_list)
                hint: this release reads dialect B; write the agent as a pack.yaml with `schema_version: "2.0.0"`
            """,
            id="dialect-a",
        ),
        pytest.param(
            "metadata: {}\ncomponents: []\n",
            """
            spec.yaml:1:1: error GLS008: dialect E: this is a solution pack that lists components
                hint: it is not an agent: drop the specs of its components one by one
            """,
            id="dialect-e",
        ),
        pytest.param(
            "apiVersion: greenlang.io/v2\nkind: AgentSpec\n",
            """
            spec.yaml:1:1: error GLS008: dialect F: this is an AgentSpec stub (apiVersion greenlang.io/v2)
                hint: it declares nothing to compute: write `compute.inputs` and `compute.outputs` in a pack.yaml
            """,
            id="dialect-f",
        ),
        pytest.param(
            "hello: world\n",
            """
            spec.yaml:1:1: error GLS008: no known dialect: the file starts with `hello`
                hint: a spec has `schema_version: "2.0.0"`, `id`, `name`, `version` and `compute`
            """,
            id="no-dialect",
        ),
        pytest.param(
            changed("ge: 0}\n    mass", "ge: 5, le: 1}\n    mass"),
            """
            spec.yaml:7:5: error GLS021: no value of `energy` lies between 5 and 1
                hint: swap or widen the bounds
            """,
            id="empty-range",
        ),
        pytest.param(
            changed("ge: 0}\n    mass", "ge: 5, default: 1}\n    mass"),
            """
            spec.yaml:7:48: error GLS021: the default 1 of `energy` is below 5
                hint: mend the default
            """,
            id="default-outside",
        ),
        pytest.param(
            changed("    energy: {", "    class: {"),
            """
            spec.yaml:7:5: error GLS015: `class` cannot be a name in the generated code
                hint: lower-case letters, digits and _, starting with a letter, no word of Python
            """,
            id="python-word",
        ),
        pytest.param(
            changed('"1.0.0"', '"one"'),
            """
            spec.yaml:4:1: error GLS014: `one` is no semantic version
                hint: write it as 1.0.0
            """,
            id="version",
        ),
        pytest.param(
            changed("ge: 0}\n    mass", "ge: yes}\n    mass").replace("dtype: float64, unit: kgCO2e", "dtype: double"),
            """
            spec.yaml:7:41: error GLS012: `compute.inputs.energy.ge`: must be a number
                hint: see the JSON Schema of the dialect
            spec.yaml:10:12: error GLS012: `compute.outputs.co2e.dtype`: input should be 'float64', 'float32', 'int32', 'int64', 'string', 'bool', 'list' or 'object'
                hint: allowed: 'float64', 'float32', 'int32', 'int64', 'string', 'bool', 'list' or 'object'
            """,
            id="all-in-one-pass",
        ),
        pytest.param(
            GOOD
            + "tests:\n  golden:\n    - {name: a, input: {energy: 10, mass: 1}, expect: {co2e: {value: 2, tol: 0.01}}}\n",
            """
            spec.yaml:17:7: error GLS051: golden case `a`: co2e is 1.77 computed, 2 expected (tolerance 0.01), by co2e = energy × grid
                hint: mend the expected value or the formula
            """,
            id="wrong-golden",
        ),
        pytest.param(
            GOOD + "tests:\n  properties:\n    - {name: p, rule: output.co2e is nonincreasing in input.energy}\n",
            """
            spec.yaml:17:7: error GLS052: property `p` (output.co2e is nonincreasing in input.energy) fails: co2e is 0 at energy = 0 and 0.177 at 1
                hint: mend the rule or the formula
            """,
            id="wrong-property",
        ),
    ],
)
def test_exact_message(data: str | bytes, message: str) -> None:
    got = "\n".join(findings(data))
    if "NEAREST" in message:
        head, _, near = got.partition("hint: nearest: ")
        assert len(near.split("; ")) == 3
        assert near.startswith("ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh (")
        got = f"{head}hint: nearest: NEAREST"
    assert got == text(message)
