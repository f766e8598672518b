"""Ways to make one thing wrong in the good pack, and what a wrong one must give: exactly the measure that is about it.

Belongs here: what the tables of `test_broken_*` are made with. Does not belong here: the tables.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from greenlang.quality import judge, source
from tests.quality.good import (
    PACKAGE,
    case,
    evaluations,
    files,
    findings,
    logs,
    measures,
    mutants,
    output,
    resolution,
    trees,
    unmet,
    verdict,
)

TOOLS, MODELS = f"{PACKAGE}/tools.py", f"{PACKAGE}/models.py"
BESIDE = f"{PACKAGE}/logs.py"  # of the package, and calculates nothing
K8S = "deploy/k8s/deployment.yaml"
Files = dict[str, tuple[Callable[[Path], Any], str, str]]  # name -> (change, the one measure that fails, what it says)
Several = dict[str, tuple[Callable[[Path], Any], set[str]]]  # name -> (change, all measures that fail)
Runs = dict[str, tuple[Callable[[], dict[str, Any]], set[str], str]]  # name -> (changes of the case, measures, words)


def edit(name: str, old: str, new: str, *, count: int = -1) -> Callable[[Path], None]:
    """Change a file of the pack; the old text must stand in it."""

    def change(pack: Path) -> None:
        path = pack / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, count))

    return change


def append(name: str, more: str) -> Callable[[Path], None]:
    def change(pack: Path) -> None:
        path = pack / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + more)

    return change


def bill(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(pack: Path) -> None:
        path = pack / "sbom.cdx.json"
        content = json.loads(path.read_bytes())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def component(name: str, **values: Any) -> Callable[[Path], None]:
    def change(content: dict[str, Any]) -> None:
        next(c for c in content["components"] if c["name"] == name).update(values)

    return bill(change)


def without(*words: str) -> Any:
    """The tests in whose id none of these stands."""
    return tuple(test for test in verdict().tests if not any(word in test.id for word in words))


def failed(word: str) -> Any:
    """The tests, those failed in whose id the word stands."""
    made = [
        dataclasses.replace(test, outcome="failed", message="E  assert 1 == 2") if word in test.id else test
        for test in verdict().tests
    ]
    assert tuple(made) != verdict().tests
    return verdict(status="failed", tests=tuple(made))


def answered(old: bytes, new: bytes) -> Any:
    changed = output().replace(old, new)
    assert changed != output()
    return evaluations(changed, changed)


def refused_as(code: str) -> Any:
    return answered(b'"code":"invalid_input"', f'"code":"{code}"'.encode())


def unrun() -> Any:
    return [dataclasses.replace(m, outcome="not run", by="") for m in mutants()]


def calling() -> list[str]:
    """Names of the tests that call tools."""
    return [
        name
        for path, tree in trees().items()
        if path.startswith("tests/")
        for name in source.tests_calling(tree, files()[path].decode(), ("call_tool", "calculate"))
    ]


def one_provenance() -> Any:
    """Every answer with the digest of the first one."""
    lines = [json.loads(line) for line in output().splitlines()]
    for line in lines:
        if line["ok"]:
            line["provenance"] = lines[0]["provenance"]
    said = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return evaluations(said, said)


def lax() -> Any:
    """Every refusal turned into an answer."""
    lines = [json.loads(line) for line in output().splitlines()]
    made = [line if line["ok"] else {"ok": True, "data": {}, "provenance": f"{n:064x}"} for n, line in enumerate(lines)]
    said = b"".join(json.dumps(line).encode() + b"\n" for line in made)
    return evaluations(said, said)


def without_basis() -> Any:
    """The same plans over rows that do not say their potentials."""
    spec = dataclasses.replace(resolution().spec, gwp_set=None)
    lookups = {
        name: dataclasses.replace(
            table, rows={key: dataclasses.replace(row, gwp_set="unstated") for key, row in table.rows.items()}
        )
        for name, table in resolution().lookups.items()
    }
    return dataclasses.replace(resolution(), spec=spec, lookups=lookups)


def line(number: int, **values: Any) -> str:
    """A log line with other values; None leaves a key out."""
    made = json.loads(logs()[number]) | values
    return json.dumps({name: value for name, value in made.items() if value is not None})


def check_file(pack: Path, change: Callable[[Path], Any], wanted: str, said: str) -> None:
    """What is wrong in a file fails one measure, with a detail, and no path of this machine is told."""
    change(pack)
    judgement = judge(case(pack))
    assert unmet(judgement) == {wanted}
    found = measures(judgement)[wanted]
    assert said in found.text
    assert found.share is not None
    assert found.share < 1
    assert found.details
    assert str(pack) not in repr(judgement)


def check_run(untouched: Path, changes: dict[str, Any], wanted: set[str], said: str) -> None:
    """What was run fails the measures that rest on it."""
    tools = {key: changes.pop(key) for key in ("lint", "security", "types") if key in changes}
    made = dataclasses.replace(findings(untouched), **tools)
    judgement = judge(case(untouched, findings=made, **changes))
    assert unmet(judgement) == wanted
    texts = [measures(judgement)[w].text + repr(measures(judgement)[w].details) for w in wanted]
    assert any(said in text for text in texts), texts
