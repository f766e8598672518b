"""Dependencies that lead back to where they started: in one spec, in a pack, over a folder of specs."""

from __future__ import annotations

from pathlib import Path

from greenlang.specs.cycles import cycles
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read
from tests.specs.texts import A, C, changed, good, told


def agent(name: str, *needs: str, serves: tuple[str, ...] = ()) -> AgentSpec:
    lines = [f"    - {{agent_id: {n}, relationship: receives_data_from}}" for n in needs]
    lines += [f"    - {{agent_id: {n}, relationship: provides_data_to}}" for n in serves]
    text = A.replace("industrial/heat_agent", name)
    if lines:
        text = text.replace('process."\n', 'process."\n  dependencies:\n' + "\n".join(lines) + "\n")
    return good(text)


def test_a_circle_over_three_files_is_told_once_with_the_way() -> None:
    specs = {"a.yaml": agent("x/a", "x/b"), "b.yaml": agent("x/b", "x/c"), "c.yaml": agent("x/c", "x/a")}
    found = cycles(specs)
    assert list(found) == ["a.yaml"]
    (finding,) = found["a.yaml"]
    assert (finding.code, finding.severity) == ("GLS029", "error")
    assert finding.message == "circular dependencies: x/a → x/b → x/c → x/a"
    assert finding.line == 8


def test_giving_is_the_other_side_of_receiving() -> None:
    specs = {"a.yaml": agent("x/a", "x/b"), "b.yaml": agent("x/b", serves=("x/c",)), "c.yaml": agent("x/c")}
    assert cycles(specs) == {}
    specs["c.yaml"] = agent("x/c", serves=("x/b",))
    assert [d.severity for d in cycles(specs)["b.yaml"]] == ["error"]


def test_data_that_goes_both_ways_by_one_file_is_a_warning() -> None:
    (finding,) = cycles({"a.yaml": agent("x/a", "x/b", serves=("x/b",))})["a.yaml"]
    assert finding.severity == "warning"


def test_an_agent_that_needs_itself_is_refused_where_it_is_read() -> None:
    text = A.replace(
        'process."\n', 'process."\n  dependencies: [{agent_id: industrial/heat_agent, relationship: uses}]\n'
    )
    assert told(text, "GLS029")[0].severity == "error"
    pack = changed(C, "    tools: [lookup]", "    tools: [lookup]\n    depends_on: [fuel-agent]")
    assert told(pack, "GLS029")[0].severity == "error"


def test_the_agents_of_a_pack() -> None:
    other = "  - {id: b, outputs: [{name: y, type: number}], depends_on: [fuel-agent]}\n"
    text = changed(C, "tools:\n  - id", other + "tools:\n  - id").replace(
        "    tools: [lookup]", "    tools: [lookup]\n    depends_on: [b]"
    )
    assert cycles({"pack.yaml": good(text)})["pack.yaml"][0].message == "circular dependencies: b → fuel_agent → b"


def test_real_files_form_no_circle(shared: Path) -> None:
    specs = {}
    for path in sorted((shared / "specs").rglob("*.yaml")):
        spec, _ = read(path.read_bytes())
        if spec is not None:
            specs[path.name] = spec
    assert [d for found in cycles(specs).values() for d in found if d.severity == "error"] == []
