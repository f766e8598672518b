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
                hint: check indentation and quotes here and in the line before
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
                hint: it is called `ge` here
            """,
            id="unknown-key-deep",
        ),
        pytest.param(
            changed("unit: kWh", "unit: kWhh"),
            """
            spec.yaml:7:30: error GLS020: unit `kWhh` is unknown
                hint: did you mean `kWh`?
            """,
            id="unknown-unit",
        ),
        pytest.param(
            changed("electricity-generated/co2e-per-kwh", "electricity-generatd/co2e-per-kwh"),
            """
            spec.yaml:12:5: error GLS031: `ef://desnz/electricity/2025/electricity-generatd/co2e-per-kwh` names no factor of release embedded-1.3.0
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
            spec.yaml:14:5: error GLS041: formula of `co2e`: `energy × 2` is in kWh, which does not convert into kgCO2e
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
            spec.yaml:1:1: error GLS011: `agent_metadata.agent_id` is missing
                hint: add it
            spec.yaml:1:1: error GLS011: `agent_metadata.version` is missing
                hint: add it
            spec.yaml:2:1: error GLS027: neither tools nor an `output_schema` say what is computed: there is nothing to generate
                hint: list tools with `parameters` and `returns`
            """,
            id="dialect-a-with-nothing",
        ),
        pytest.param(
            "agent_metadata: {}\ncompute: {}\n",
            """
            spec.yaml:2:1: error GLS009: the file mixes dialects: it has `agent_metadata` of dialect A (an AgentSpec V2 of eleven sections) and `compute` of dialect B (a pack.yaml 2.0.0)
                hint: take the keys of one away, or say which is meant: --dialect A or --dialect B
            """,
            id="two-dialects",
        ),
        pytest.param(
            "metadata: {}\ncomponents: []\n",
            """
            spec.yaml:1:1: error GLS008: dialect E: this is a solution pack that lists 0 components and no agent; nothing in it says what is computed
                hint: drop the specs of its components one by one
            """,
            id="dialect-e",
        ),
        pytest.param(
            "apiVersion: greenlang.io/v2\nkind: AgentSpec\n",
            """
            spec.yaml:1:1: error GLS008: dialect F: this is an AgentSpec stub (apiVersion greenlang.io/v2) with 0 inputs and 0 outputs; nothing in it says what is computed
                hint: write `compute.inputs`, `compute.outputs` and `compute.formulas` in a pack.yaml
            """,
            id="dialect-f",
        ),
        pytest.param(
            "hello: world\n",
            """
            spec.yaml:1:1: error GLS008: no known dialect: the file starts with `hello`; `compute` with inputs, outputs and formulas is missing
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
                hint: lower-case letters, digits and _, starting with a letter, no word of Python, such as `class_value`
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
            spec.yaml:7:41: error GLS012: `compute.inputs.energy.ge`: must be a number, not the text `yes`
                hint: write it in decimal digits, without quotes
            spec.yaml:10:12: error GLS012: `compute.outputs.co2e.dtype`: must be `float64`, `float32`, `int32`, `int64`, `string`, `bool`, `list` or `object`, not the text `double`
                hint: it is called `float64` here
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
        pytest.param(
            "a: " + "[" * 40_000 + "]" * 40_000,
            """
            spec.yaml:1:67: error GLS002: nested more than 64 levels deep
                hint: flatten the file
            """,
            id="forty-thousand-levels",
        ),
        pytest.param(
            "- " * 100 + "x",
            """
            spec.yaml:1:129: error GLS002: nested more than 64 levels deep
                hint: flatten the file
            """,
            id="block-of-a-hundred-levels",
        ),
        pytest.param(
            changed("unit: kWh, ge: 0", "unit: kWh, ge: 9e999999"),
            """
            spec.yaml:7:41: error GLS012: `9e999999`: a number of this size is no measurement
                hint: up to 60 digits, between 1e-60 and 1e60; put text in quotes
            """,
            id="number-beyond-all-measure",
        ),
        pytest.param(
            changed("unit: kWh, ge: 0", "unit: kWh, ge: 9e99999999999999999999"),
            """
            spec.yaml:7:41: error GLS012: `9e99999999999999999999`: a number of this size is no measurement
                hint: up to 60 digits, between 1e-60 and 1e60; put text in quotes
            """,
            id="number-beyond-decimal",
        ),
        pytest.param(
            changed("unit: kWh, ge: 0", f"unit: kWh, ge: 0.{'123' * 200}"),
            """
            spec.yaml:7:41: error GLS012: `0.12312312312312312312312312312312312...`: a number of this size is no measurement
                hint: up to 60 digits, between 1e-60 and 1e60; put text in quotes
            """,
            id="number-of-too-many-digits",
        ),
        pytest.param(
            changed("    mass: {", '    code: {dtype: string, pattern: "^(?=a)"}\n    mass: {'),
            """
            spec.yaml:8:27: error GLS022: pattern `^(?=a)` cannot be used: look-around, including look-ahead and look-behind, is not supported
                hint: write a regular expression without look-around and back-references, so that it takes linear time
            """,
            id="pattern-with-look-around",
        ),
        pytest.param(
            changed("    mass: {", '    code: {dtype: string, pattern: "["}\n    mass: {'),
            """
            spec.yaml:8:27: error GLS022: pattern `[` cannot be used: unclosed character class
                hint: write a regular expression without look-around and back-references, so that it takes linear time
            """,
            id="pattern-that-is-none",
        ),
        pytest.param(
            changed('per-kwh"}', 'per-kwh", gwp_set: BANANA}'),
            """
            spec.yaml:12:83: error GLS023: `BANANA` is no GWP set
                hint: AR4, AR5 or AR6; AR6GWP100
            """,
            id="gwp-set-of-a-reference",
        ),
        pytest.param(
            GOOD + "provenance: {gwp_set: AR9}\n",
            """
            spec.yaml:15:14: error GLS023: `AR9` is no GWP set
                hint: AR4, AR5 or AR6; AR6GWP100
            """,
            id="gwp-set-of-the-spec",
        ),
        pytest.param(
            changed("compute:\n", "compute:\n  deterministic: false\n"),
            """
            spec.yaml:6:3: error GLS025: a generated agent is deterministic; `deterministic: false` cannot be had
                hint: remove it
            """,
            id="not-deterministic",
        ),
        pytest.param(
            changed("compute:\n", "compute:\n  timeout_s: 0\n  memory_limit_mb: -1\n"),
            """
            spec.yaml:6:3: error GLS012: `compute.timeout_s`: must be greater than 0, not 0
                hint: mend the value
            spec.yaml:7:3: error GLS012: `compute.memory_limit_mb`: must be greater than 0, not -1
                hint: mend the value
            """,
            id="timeout",
        ),
        pytest.param(
            GOOD
            + "tests:\n  golden:\n    - {name: a, input: {energy: 10, mass: 1}, expect: {co2e: {value: 1.77, tol: 1}}}\n",
            """
            spec.yaml:17:76: error GLS016: golden case `a`: co2e has tol 1; a tolerance is a share of the value
                hint: 0 or more and less than 1; write 0.01 for one per cent
            """,
            id="tolerance",
        ),
        pytest.param(
            GOOD
            + "tests:\n  golden:\n    - {name: a, input: {energy: 10, mass: 1}, expect: {co2e: {value: 1.77, tol: -0.1}}}\n",
            """
            spec.yaml:17:76: error GLS016: golden case `a`: co2e has tol -0.1; a tolerance is a share of the value
                hint: 0 or more and less than 1; write 0.01 for one per cent
            """,
            id="negative-tolerance",
        ),
        pytest.param(
            GOOD
            + "tests:\n  golden:\n    - {name: a, input: {energy: 10, mass: 1}, expect: {co2e: {value: 1.77, margin: 1}}}\n",
            """
            spec.yaml:17:76: error GLS010: unknown key `margin`
                hint: known here: tol, value
            """,
            id="unknown-key-of-an-expectation",
        ),
        pytest.param(
            changed('per-kwh"}', 'per-kwh", quality: 1}'),
            """
            spec.yaml:12:83: error GLS010: unknown key `quality`
                hint: known here: description, gwp_set, ref
            """,
            id="unknown-key-of-a-reference",
        ),
        pytest.param(
            changed("    grid: {ref", "    - {nam: grid, ref"),
            """
            spec.yaml:12:8: error GLS010: unknown key `nam`
                hint: did you mean `name`?
            """,
            id="unknown-key-of-a-listed-reference",
        ),
        pytest.param(
            changed('    grid: {ref: "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"}\n', "").replace(
                "factors:", "factors: 5"
            ),
            """
            spec.yaml:11:3: error GLS012: `compute.factors`: must map names to references, or list references, not 5
                hint: mend the value
            """,
            id="factors-of-no-form",
        ),
        pytest.param(
            changed("energy * factor(grid)", "5"),
            """
            spec.yaml:14:5: error GLS012: `compute.formulas.co2e`: must be a text, not 5
                hint: put the value in quotes
            """,
            id="formula-is-a-number",
        ),
        pytest.param(
            changed("energy * factor(grid)", "{expresion: energy}"),
            """
            spec.yaml:14:12: error GLS010: unknown key `expresion`
                hint: did you mean `expression`?
            """,
            id="unknown-key-of-a-formula",
        ),
        pytest.param(
            changed("    mass: {", "    code: {dtype: string, enum: [a, null]}\n    mass: {"),
            """
            spec.yaml:8:37: error GLS012: `compute.inputs.code.enum[1]`: nothing is no string
                hint: remove it; for an input that may be absent write `required: false`
            """,
            id="nothing-in-an-enum",
        ),
        pytest.param(
            changed("    mass: {", "    code: {dtype: string, enum: []}\n    mass: {"),
            """
            spec.yaml:8:27: error GLS012: the enum of `code` lists no value
                hint: list values or remove it
            """,
            id="empty-enum",
        ),
        pytest.param(
            changed("unit: kWh, ge: 0", "unit: kWh, ge: 0, enum: [-1, 1]"),
            """
            spec.yaml:7:48: error GLS021: `energy` lists -1, which is below 0
                hint: mend the enum
            """,
            id="enum-outside-bounds",
        ),
        pytest.param(
            changed("    mass: {", '    code: {dtype: string, pattern: "^[a-z]+$", enum: [a, B]}\n    mass: {'),
            """
            spec.yaml:8:48: error GLS021: `code` lists B, which does not match ^[a-z]+$
                hint: mend the enum
            """,
            id="enum-against-pattern",
        ),
        pytest.param(
            changed('"1.0.0"', '"1.0.0-rc..1"'),
            """
            spec.yaml:4:1: error GLS014: `1.0.0-rc..1` is no semantic version
                hint: write it as 1.0.0
            """,
            id="version-with-two-dots",
        ),
        pytest.param(
            changed('"1.0.0"', '"1.0.0-01"'),
            """
            spec.yaml:4:1: error GLS014: `1.0.0-01` is no semantic version
                hint: write it as 1.0.0
            """,
            id="version-with-a-leading-zero",
        ),
        pytest.param(
            changed("unit: kWh", "unit: Mscf"),
            """
            spec.yaml:7:30: error GLS020: unit `Mscf`: `Mscf` can be read in two ways; write kscf for a thousand or megascf for a million standard cubic feet
                hint: examples: kWh, kgCO2e, m^3, kgCO2e/kWh, tonne_km, 1
            """,
            id="misleading-unit",
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
