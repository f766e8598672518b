"""Specs and code that are sent along, judged; and the reports on what the factory made (000, section 5; 001, 3.3).

Belongs here: thin handlers. Does not belong here: judging (`greenlang.factory.validators`), the process for it
(`greenlang.api.workshop`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from greenlang.api.principal import Who, need
from greenlang.api.problems import Problem, documented
from greenlang.api.services import Shared
from greenlang.api.specs import Validated, validated
from greenlang.factory.asking import spec_bytes
from greenlang.factory.reporting import JSON
from greenlang.specs.model import slug

router = APIRouter(prefix="/api/v1/factory", tags=["quality"])

MOST_CODE = 1_000_000  # characters of all files
MOST_FILES = 200
MOST_CASES = 200
Code = Annotated[
    str | dict[Annotated[str, Field(max_length=200)], str],
    Field(description="The text of one module, or path -> text of several files."),
]


class ValidateIn(BaseModel):
    """A spec as text or object, with its overlay."""

    model_config = ConfigDict(extra="forbid")

    spec: str | dict[str, Any]
    overlay: str | None = None


class CheckIn(BaseModel):
    """An agent's code, its tests, its spec."""

    model_config = ConfigDict(extra="forbid")

    agent_code: Code
    test_code: Code | None = None
    spec: str | dict[str, Any]


class DimensionOut(BaseModel):
    """One of the twelve dimensions. ``score`` is 0 to 100, null where it is not applicable."""

    name: str
    title: str
    status: str
    score: float | None
    threshold: float
    weight: float
    required: bool
    evidence: str
    reason: str


class CheckOut(BaseModel):
    """The judgement. No score makes up for a failed required dimension."""

    passed: bool
    score: float = Field(description="0 to 100")
    coverage: float | None = Field(description="percent of lines and branches; null where no test ran")
    dimensions: list[DimensionOut]
    errors: list[str]
    warnings: list[str]


class DeterminismIn(BaseModel):
    """An agent's code, and inputs that it is asked."""

    model_config = ConfigDict(extra="forbid")

    agent_code: Code
    test_cases: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_CASES)


class ViolationOut(BaseModel):
    """A case whose answer was another one under other conditions; ``case`` -1 where nothing was answered."""

    case: int
    conditions: str
    expected: Any
    found: Any


class DeterminismOut(BaseModel):
    """Whether each case has the same answer, to the byte, in every run."""

    deterministic: bool
    runs: int
    answers: list[Any]
    violations: list[ViolationOut]


@router.post("/validate", dependencies=[need("validate_agent")])
def validate(given: Annotated[ValidateIn, Body()], services: Shared) -> Validated:
    """Read a spec and find its plans, without building: every finding with line and column."""
    overlay = given.overlay.encode() if given.overlay is not None else None
    return validated(services, spec_bytes(given.spec), overlay)


@router.post("/quality/check", responses=documented(501), dependencies=[need("validate_agent")])
async def check(given: Annotated[CheckIn, Body()], who: Who, services: Shared) -> CheckOut:
    """Run an agent and its tests in the sandbox, and judge it on the twelve dimensions. Takes some seconds."""
    _bounded(given.agent_code, given.test_code)
    found = await services.workshop.check(who.caller.tenant, given.agent_code, given.test_code, given.spec)
    names = list(DimensionOut.model_fields)
    return CheckOut(
        passed=found.passed,
        score=found.score,
        coverage=found.coverage,
        dimensions=[DimensionOut(**{name: getattr(d, name) for name in names}) for d in found.dimensions],
        errors=list(found.errors),
        warnings=list(found.warnings),
    )


@router.post("/quality/determinism", responses=documented(501), dependencies=[need("validate_agent")])
async def determinism(given: Annotated[DeterminismIn, Body()], who: Who, services: Shared) -> DeterminismOut:
    """Ask an agent the same in the sandbox under other hash seeds, time zones, locales, clocks and folders."""
    _bounded(given.agent_code)
    found = await services.workshop.determinism(who.caller.tenant, given.agent_code, given.test_cases)
    return DeterminismOut.model_validate(asdict(found))


@router.get("/quality/{identity:path}", responses=documented(404), dependencies=[need("read_registry")])
def report(
    identity: Annotated[str, InPath(max_length=400, description="agent_id, agent_id@version, or the key of a build")],
    who: Who,
    services: Shared,
) -> dict[str, Any]:
    """The quality report that the factory wrote on an agent of one's own tenant, the newest of several builds."""
    folder = services.of_tenant(who.caller.tenant).reports
    found = _report(folder, identity)
    if found is None:
        raise Problem(404, f"there is no quality report on {identity}")
    told: dict[str, Any] = json.loads((found / JSON).read_bytes())
    return told


def _report(folder: Path, identity: str) -> Path | None:
    agent_id, _, version = identity.partition("@")
    heads = (slug(identity), slug(f"{agent_id}@{version}-" if version else f"{agent_id}@"))
    matching = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (path.name == heads[0] or path.name.startswith(heads[1])) and (path / JSON).is_file()
    ]
    return max(matching, key=lambda path: (path.name == heads[0], (path / JSON).stat().st_mtime_ns), default=None)


def _bounded(*given: str | dict[str, str] | None) -> None:
    files = [code if isinstance(code, dict) else {"": code} for code in given if code is not None]
    if sum(len(code) for code in files) > MOST_FILES:
        raise Problem(422, f"more than {MOST_FILES} files")
    if sum(len(text) for code in files for text in code.values()) > MOST_CODE:
        raise Problem(422, f"more than {MOST_CODE:,} characters of code")
    for code in files:
        for name in code:
            if name.startswith("/") or ".." in name.split("/") or "\0" in name or "\\" in name:
                raise Problem(422, f"{name!r} is no path of a file below a folder")
