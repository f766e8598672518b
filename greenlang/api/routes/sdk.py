"""The patterns that agents are written after, and specs of older dialects (001, layer 2).

Belongs here: thin handlers. Does not belong here: the patterns (`greenlang_sdk`), dialects (`greenlang.specs`).
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi import Path as InPath
from greenlang_sdk.agent import CalculatorAgent
from greenlang_sdk.compliance import ComplianceAgent
from greenlang_sdk.integrator import IntegratorAgent
from greenlang_sdk.reporter import ReporterAgent
from greenlang_sdk.stateful import StatefulAgent
from greenlang_sdk.stateless import StatelessAgent
from greenlang_sdk.toolbox import ToolboxAgent
from pydantic import BaseModel, ConfigDict, Field

from greenlang.api.principal import need
from greenlang.api.problems import Problem, documented
from greenlang.api.services import Shared
from greenlang.api.specs import NAME, Finding, Validated, validated
from greenlang.factory.asking import spec_bytes
from greenlang.formulas.library import library
from greenlang.resolution.carry import convert
from greenlang.specs.reader import report

router = APIRouter(prefix="/api/v1/sdk", tags=["sdk"])

PATTERNS: dict[str, type[Any]] = {
    "calculator": CalculatorAgent,
    "compliance": ComplianceAgent,
    "integrator": IntegratorAgent,
    "reporter": ReporterAgent,
    "stateful": StatefulAgent,
    "stateless": StatelessAgent,
    "toolbox": ToolboxAgent,
}


class PatternLine(BaseModel):
    """A pattern in a line."""

    id: str
    name: str = Field(description="the class to stand on")
    module: str
    summary: str


class PatternList(BaseModel):
    """The patterns of the SDK. The factory generates calculators and toolboxes; all can be written by hand."""

    patterns: list[PatternLine]


class Member(BaseModel):
    """A method of a pattern's class."""

    name: str
    signature: str
    summary: str
    required: bool = Field(description="an agent must write it")


class Pattern(PatternLine):
    """A pattern in full."""

    description: str
    members: list[Member]


class SpecText(BaseModel):
    """A spec as text or object."""

    model_config = ConfigDict(extra="forbid")

    spec: str | dict[str, Any]
    overlay: str | None = None


class MigrateIn(SpecText):
    """A spec of an older dialect."""

    domain: str | None = Field(None, pattern="^[a-z0-9][a-z0-9_-]*$", max_length=100, description="before its id")


class Migrated(BaseModel):
    """The spec in the current dialect: file name -> text, several where it holds several tools or agents."""

    dialect: str = Field(description="the dialect that it was in")
    files: dict[str, str]
    notes: list[str] = Field(description="what changed, or could not be carried over")


@router.get("/agents", dependencies=[need("read_catalogue")])
def agents() -> PatternList:
    """The patterns that agents are written after."""
    return PatternList(patterns=[_line(name) for name in PATTERNS])


@router.get("/patterns/{pattern_id}", responses=documented(404), dependencies=[need("read_catalogue")])
def pattern(pattern_id: Annotated[str, InPath(max_length=60)]) -> Pattern:
    """One pattern: what it is for, its methods."""
    if pattern_id not in PATTERNS:
        raise Problem(404, f"there is no pattern {pattern_id}; the patterns are {', '.join(PATTERNS)}")
    made = PATTERNS[pattern_id]
    return Pattern(
        **_line(pattern_id).model_dump(), description=inspect.getdoc(made) or "", members=list(_members(made))
    )


@router.post("/validate", dependencies=[need("validate_agent")])
def validate(given: Annotated[SpecText, Body()], services: Shared) -> Validated:
    """Read a pack.yaml: its form alone, in whatever dialect. `/factory/validate` looks for plans as well."""
    overlay = given.overlay.encode() if given.overlay is not None else None
    return validated(services, spec_bytes(given.spec), overlay, resolved=False)


@router.post("/migrate", dependencies=[need("validate_agent")])
def migrate(given: Annotated[MigrateIn, Body()], services: Shared) -> Migrated:
    """A spec of dialect A, C or D in the current one. 422 where it cannot be read, or not be carried over."""
    overlay = given.overlay.encode() if given.overlay is not None else None
    done = report(spec_bytes(given.spec), NAME, overlay=overlay, max_bytes=services.settings.max_spec_bytes)
    if done.spec is None:
        findings = [Finding.of(d) for d in done.diagnostics]
        first = next(one for one in findings if one.severity == "error")
        raise Problem(422, first.text, kind="spec-refused", diagnostics=[one.model_dump() for one in findings])
    made = convert(done.spec, services.factors().table, library(), domain=given.domain)
    if made.refused:
        raise Problem(422, f"not converted: {made.refused}", kind="not-converted", notes=list(made.notes))
    return Migrated(dialect=done.dialect, files=made.files, notes=list(made.notes))


def _line(name: str) -> PatternLine:
    made = PATTERNS[name]
    summary = (inspect.getdoc(made) or "").partition("\n\n")[0].replace("\n", " ")
    return PatternLine(id=name, name=made.__name__, module=made.__module__, summary=summary)


def _members(made: type[Any]) -> list[Member]:
    abstract: frozenset[str] = getattr(made, "__abstractmethods__", frozenset())
    return [
        Member(
            name=name,
            signature=f"{name}{inspect.signature(method)}",
            summary=(inspect.getdoc(method) or "").partition("\n")[0],
            required=name in abstract,
        )
        for name, method in inspect.getmembers(made, inspect.isfunction)
        if not name.startswith("_") and method.__module__.startswith("greenlang_sdk")
    ]
