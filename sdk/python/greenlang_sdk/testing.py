"""What tests of an agent share: vectors, comparison, programs run in this process, and `answers` for whoever judges the
agent from outside.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from greenlang_sdk.agent import AgentSpecV2Base, CalculatorAgent
from greenlang_sdk.canonical import canonical
from greenlang_sdk.decimals import CONTEXT, normal_text
from greenlang_sdk.models import Record


@dataclass(frozen=True, slots=True)
class Case:
    """Inputs, and what the agent must answer: outputs, or a refusal with this code and field.

    Of inputs that are taken ``expect`` says as what; ``field`` names a column where that is of a table's first row.
    """

    name: str
    input: dict[str, Any]
    expect: dict[str, str]
    tolerances: dict[str, str]
    origin: str = ""
    code: str = ""
    field: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of `vectors.json`."""

    base: dict[str, Any]
    vectors: tuple[Case, ...]
    refused: tuple[Case, ...]
    accepted: tuple[Case, ...]
    bounds: tuple[dict[str, str], ...]
    scaling: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    fields: tuple[dict[str, str], ...] = ()
    figures: tuple[dict[str, Any], ...] = ()
    tool: str = ""  # of an agent of several tools

    @property
    def sample(self) -> tuple[Case, ...]:
        """Up to eight answered vectors, spread evenly: enough where a test asks for a habit and not for a figure."""
        step = max(1, -(-len(self.answered) // 8))
        return self.answered[::step]

    @property
    def answered(self) -> tuple[Case, ...]:
        """Vectors with expected outputs."""
        return tuple(case for case in self.vectors if not case.code)


def read_cases(path: Path) -> Cases:
    """Read `vectors.json`. Files of one content give the same object: each of the test modules asks for it."""
    return _cases(path.read_bytes())


@lru_cache(maxsize=64)
def _cases(content: bytes) -> Cases:
    data = json.loads(content)
    return Cases(
        base=data["base"],
        vectors=tuple(Case(**case) for case in data["vectors"]),
        refused=tuple(Case(**case) for case in data["refused"]),
        accepted=tuple(Case(**case) for case in data["accepted"]),
        bounds=tuple(data["bounds"]),
        scaling=tuple(data["scaling"]),
        **{name: tuple(data.get(name, ())) for name in ("tools", "fields", "figures")},
        tool=data.get("tool", ""),
    )


def text_of(value: object) -> str:
    """The canonical text of an output."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return normal_text(value) if isinstance(value, Decimal) else str(value)


def agrees(actual: object, expected: str, tolerance: str | None = None) -> bool:
    """Whether an output is what was expected: to the digit, or within a relative tolerance."""
    if tolerance is None or not isinstance(actual, Decimal):
        return text_of(actual) == expected
    wanted = Decimal(expected)
    distance = CONTEXT.abs(CONTEXT.subtract(actual, wanted))
    return distance <= CONTEXT.multiply(Decimal(tolerance), abs(wanted) or Decimal(1))


def calculate(agent: CalculatorAgent[Any, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs and unrounded outputs by the names of the spec, from one tool after the other."""
    typed = agent.input_model.model_validate(given)
    values: dict[str, Any] = {name: getattr(typed, name) for name in type(typed).model_fields}
    named: dict[str, Any] = dict(typed.as_dict())
    for name, tool in agent.tools.items():
        values[name] = agent.call_tool(name, **{p: values[p] for p in tool.parameters})
        named[tool.output] = values[name]
    return named


def taken(model: type[Record], case: Case) -> dict[str, str]:
    """What the model makes of the inputs of which a case expects something, as texts."""
    given: dict[str, Any] = model.model_validate(case.input).as_dict()
    return {name: text_of(given[name][0][case.field] if case.field else given[name]) for name in case.expect}


def fields_of(agent: AgentSpecV2Base[Any, Any]) -> list[dict[str, str]]:
    """Model, name and description of every field that an agent takes or gives; the rows of tables come last."""
    models = {"Input": agent.input_model, "Output": agent.output_model}
    for field in agent.input_model.model_fields.values():
        models |= {row.__name__: row for row in _records(field.annotation)}
    return [
        {"model": model, "name": field.serialization_alias or name, "description": field.description or ""}
        for model, found in models.items()
        for name, field in found.model_fields.items()
    ]


def _records(annotation: object) -> list[type[Record]]:
    """The classes of rows that a type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return [annotation]
    return [record for part in get_args(annotation) for record in _records(part)]


@dataclass(slots=True)
class Program:
    """What a program wrote, and the exit code with which it ended; None where it ran to its end."""

    out: str = ""
    err: str = ""
    code: int | str | None = None


@contextmanager
def command_line(*words: str, stdin: str = "", logs: str = "") -> Iterator[Program]:
    """Have the block run as a program that was called with these words; what it gives is known behind the block.

    ``logs`` stands in the environment as AGENT_LOGS.
    """
    program, out, err = Program(), io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdin, os.environ.get("AGENT_LOGS", "")
    sys.argv, sys.stdin, os.environ["AGENT_LOGS"] = list(words), io.StringIO(stdin), logs
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield program
    except SystemExit as ended:
        program.code = ended.code
    finally:
        sys.argv, sys.stdin, os.environ["AGENT_LOGS"] = before
        program.out, program.err = out.getvalue(), err.getvalue()


@contextmanager
def reading_as(path: Path, text: str) -> Iterator[None]:
    """Have a file read as this text inside the block; the file stays as it is."""
    real = Path.read_text

    def read_text(self: Path, *arguments: Any, **named: Any) -> str:
        return text if self == path else real(self, *arguments, **named)

    Path.read_text = read_text  # type: ignore[method-assign]
    try:
        yield
    finally:
        Path.read_text = real  # type: ignore[method-assign]


def answers(package: str, inputs: Sequence[Mapping[str, Any]]) -> bytes:
    """One canonical JSON line for each input: ``{"ok":false,"error":{...}}``, or ``{"ok":true,"data":{...}}`` with the
    ``provenance`` of the calculation.
    """
    module = importlib.import_module(package)
    agent: AgentSpecV2Base[Any, Any] = module.Agent()
    return b"".join(canonical(_answer(agent, given)) + b"\n" for given in inputs)


def _answer(agent: AgentSpecV2Base[Any, Any], given: Mapping[str, Any]) -> dict[str, object]:
    result = agent.run(given)
    if result.error is not None:
        return {"ok": False, "error": result.error.as_dict()}
    return {"ok": True, "data": result.as_dict()["data"], "provenance": result.provenance}
