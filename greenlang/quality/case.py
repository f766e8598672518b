"""The case of one pack: everything that a judgement looks at, put together by whoever ran it.

Belongs here: the type, and the inputs that an agent is asked. Does not belong here: running (`greenlang.sandbox`),
measuring (`greenlang.quality.measures`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from greenlang.factory import limits, whole
from greenlang.factory.outcome import Detail
from greenlang.quality.advisories import Advisories
from greenlang.quality.differential import Compared
from greenlang.quality.judgement import Difference, MutantLine
from greenlang.quality.tools import Findings
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import Trial
from greenlang.specs.model import InputSpec

Tier = Literal["quick", "full"]
REFUSALS_A_PART = 400  # templates ask for 30 on average and 60 at most; limits come first, whatever is cut


@dataclass(frozen=True, slots=True)
class Case:
    """One pack and what was run of it.

    ``inputs`` are all inputs of the evaluations, in order: `asked`, and whatever else was asked behind them; empty
    means `vector_inputs` alone. ``mutants``, ``differences`` and ``literals`` are None where nobody looked;
    ``compared`` says what is behind ``differences``. ``history`` are the versions of this agent that were
    registered before. In the tier ``full`` everything must have been run: what was not is a fault of ours, and in
    ``quick`` it is not applicable.
    """

    resolution: Resolution
    pack: Path
    package: str
    trial: Trial
    findings: Findings
    inputs: Sequence[Mapping[str, Any]] = ()
    mutants: Sequence[MutantLine] | None = None
    differences: Sequence[Difference] | None = None
    compared: Compared = field(default_factory=Compared)
    literals: Sequence[Detail] | None = None
    advisories: Advisories | None = None
    history: Sequence[str] | None = None
    tier: Tier = "quick"
    not_asked: Mapping[str, str] = field(default_factory=dict)  # "dimension.measure" -> why it is asked of no such pack


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that must be refused as ``invalid_input``: what is wrong with which field."""

    name: str
    field: str
    input: dict[str, Any]


def vector_inputs(resolution: Resolution) -> list[dict[str, Any]]:
    """The inputs of all vectors as JSON values, decimals as texts."""
    return [question.input for question in whole.questions(resolution)]


def asked(resolution: Resolution) -> list[dict[str, Any]]:
    """What an agent is asked for a judgement: its vectors, then the inputs that it must refuse."""
    return [*vector_inputs(resolution), *(refusal.input for refusal in refusals(resolution))]


def refusals(resolution: Resolution) -> tuple[Refusal, ...]:
    """Inputs outside the declared types and limits, one mistake each, made from the spec alone."""
    found: list[Refusal] = []
    for part in resolution.flat:
        base = next((vector.input for vector in part.vectors if not vector.error), None)
        if base is None:
            continue
        given = whole.plain(base)
        ports = part.spec.inputs
        made = [
            (f"{name} {what}", name, given | {name: bad}) for name in ports for what, bad in _beyond(ports[name], given)
        ]
        for name, port in ports.items():
            made += [
                (f"{name} given {label}", name, given | {name: bad}) for label, bad in limits.wrong_types(port)[:1]
            ]
            if port.required:
                made.append((f"{name} missing", name, {k: v for k, v in given.items() if k != name}))
        for what, name, inputs in made[:REFUSALS_A_PART]:
            if whole.is_toolbox(resolution):
                inputs = {"tool": part.spec.part, "arguments": inputs}  # noqa: PLW2901
                what = f"{part.spec.part}: {what}"  # noqa: PLW2901
            found.append(Refusal(what, name, inputs))
    return tuple(found)


def _beyond(port: InputSpec, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Numbers just outside the limits; of a table's columns in its first row."""
    for label, beyond in limits.outside(port):
        yield label.replace("-", " "), _plain(beyond)
    rows = given.get(port.name) or []
    for column in port.columns if rows else ():
        for label, beyond in limits.outside(column):
            row = {**rows[0], column.name: _plain(beyond)}
            yield f"{column.name} {label.replace('-', ' ')}", [row, *rows[1:]]


def _plain(value: Any) -> Any:
    return whole.plain({"value": value})["value"]
