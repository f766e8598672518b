"""Which dialect a file is in: recognised, never guessed; what is no agent is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.specs.reader import read, report
from tests.specs.texts import A, C, D

B = """\
schema_version: "2.0.0"
id: test/agent_v1
name: Test
version: "1.0.0"
compute: {inputs: {x: {dtype: float64}}, outputs: {y: {dtype: float64}}, formulas: {y: x * 2}}
"""


@pytest.mark.parametrize(("text", "letter"), [(A, "A"), (B, "B"), (C, "C"), (D, "D")])
def test_each_dialect_is_known_by_its_keys(text: str, letter: str) -> None:
    assert report(text.encode()).dialect == letter


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        (A + "compute: {}\n", ("A", "B")),
        (B + "pack_schema_version: '1.0'\n", ("D", "B")),
        (C + "agent_metadata: {agent_id: a/b}\n", ("A", "C")),
        (D + "components: []\n", ("D", "E")),
        (B + "apiVersion: greenlang.io/v2\n", ("F", "B")),
    ],
)
def test_the_keys_of_two_dialects_are_refused_by_name(text: str, letters: tuple[str, str]) -> None:
    (finding,) = [d for d in read(text.encode())[1] if d.severity == "error"]
    assert finding.code == "GLS009"
    assert all(f"dialect {letter}" in finding.message for letter in letters)
    assert "--dialect" in finding.hint


def test_a_person_may_say_which_dialect_is_meant() -> None:
    text = A + "pack_schema_version: '1.0'\n"
    assert read(text.encode())[0] is None
    spec, findings = read(text.encode(), dialect="a")
    assert spec is not None
    assert spec.dialect == "A"
    assert [d.path for d in findings if d.code == "GLS018"] == ["pack_schema_version"]
    with pytest.raises(ValueError, match="no dialect"):
        read(text.encode(), dialect="Z")


@pytest.mark.parametrize("letter", ["A", "B", "C", "D"])
def test_a_file_read_in_the_wrong_dialect_is_refused_with_findings(letter: str) -> None:
    for own, text in (("A", A), ("B", B), ("C", C), ("D", D)):
        spec, findings = read(text.encode(), dialect=letter)
        assert (spec is not None) == (own == letter)
        assert own == letter or any(d.severity == "error" for d in findings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("metadata: {}\ncomponents: {a: 1, b: 2}\n", "dialect E: this is a solution pack that lists 2 components"),
        (
            "apiVersion: greenlang.io/v2\nkind: AgentSpec\nspec: {inputs: [], outputs: [a]}\n",
            "dialect F: this is an AgentSpec stub (apiVersion greenlang.io/v2) with 0 inputs and 1 outputs",
        ),
        ("apiVersion: apps/v1\nkind: Deployment\n", "no spec of an agent: this looks like a Kubernetes manifest"),
        ("openapi: 3.1.0\n", "no spec of an agent: this looks like an OpenAPI description"),
        ("overlay: 1\n", "no spec of an agent: this looks like an overlay"),
        (
            "apiVersion: greenlang.io/v1\nkind: DeploymentPack\n",
            "no spec of an agent: this is a GreenLang manifest (greenlang.io/v1) of the kind DeploymentPack",
        ),
        (
            "name: cement\nagents: [{name: a, type: x.a}, {agent_id: b}]\n",
            "no spec of an agent: this lists 2 agents (a, b) by name; what each takes and computes is missing",
        ),
        (
            "name: c\nagents: [{id: a, outputs: [{name: y}]}]\n",
            "no known dialect: this lists 1 agent (a), but `pack` with an id and a version is missing",
        ),
        ("pack: {id: a, version: 1.0.0}\nhub: {}\n", "no known dialect: this is the head of a pack; `agents`"),
        ("tools: [{name: a}]\n", "no known dialect: this lists tools; `agent_metadata`"),
        ("id: a\ninputs: {}\noutputs: {}\n", "no known dialect: this declares outputs; `pack_schema_version`"),
        (
            "metadata: {}\ncomponents: {engines: [{id: a}, {id: b}], flows: [{id: c}]}\n",
            "dialect E: this is a solution pack that lists 3 components",
        ),
        ("hello: world\n", "no known dialect: the file starts with `hello`; `compute` with inputs"),
        ("{}\n", "no known dialect: the file starts with no keys"),
    ],
)
def test_what_is_no_agent_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    spec, findings = read(text.encode())
    assert spec is None
    (finding,) = findings
    assert finding.code == "GLS008"
    assert finding.message.startswith(sentence)
    assert finding.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: Pack\npack_schema_version: '1.0'\napiVersion: greenlang.io/v1\n", "a pack manifest without outputs"),
        ("name: a\nkind: pack\ncontents: {agents: [agents/b.py]}\n", "lists 1 agent (agents/b.py) by the names"),
    ],
)
def test_manifests_that_compute_nothing_have_nothing_to_generate(text: str, sentence: str) -> None:
    found = report(text.encode())
    (finding,) = found.diagnostics
    assert (found.dialect, finding.code) == ("D", "GLS027")
    assert sentence in finding.message


def test_real_files_of_dialects_e_and_f(shared: Path) -> None:
    for folder, letter in (("solution_pack", "E"), ("stubs", "F")):
        for path in sorted((shared / "specs" / folder).glob("*.yaml")):
            spec, findings = read(path.read_bytes())
            assert spec is None
            assert [d.code for d in findings if d.severity == "error"] == ["GLS008"], path.name
            assert findings[0].message.startswith(f"dialect {letter}:"), path.name
