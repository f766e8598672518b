"""What reading and resolving a spec finds, as an answer.

Belongs here: the shape, and one call. Does not belong here: reading (`greenlang.specs`), plans
(`greenlang.resolution`).
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from greenlang.api.services import Services
from greenlang.formulas.library import library
from greenlang.resolution.drafts import further
from greenlang.resolution.plan import Missing
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.overlay import overlay_name
from greenlang.specs.reader import report

NAME = "spec.yaml"


class Finding(BaseModel):
    """A finding about a spec. ``line`` and ``column`` count from 1; 0 is the file as a whole."""

    code: str
    severity: str
    message: str
    hint: str
    line: int
    column: int
    path: str = Field(description="the key that is meant, dotted")
    file: str = Field("", description="where it is not the spec itself: its overlay")
    text: str = Field(description="all of it in a line: spec.yaml:3:9: error GLS010: ...")

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> Finding:
        """From the value."""
        return cls(**diagnostic.as_dict(), text=diagnostic.text(NAME))


class Lacking(BaseModel):
    """An output that no plan was found for, with what was looked at."""

    output: str
    reason: str
    candidates: list[str]


class Validated(BaseModel):
    """``valid``: no finding is an error. ``complete``: there is a plan for every output; null where nobody looked."""

    valid: bool
    complete: bool | None
    dialect: str
    agent_id: str
    version: str
    key: str = Field(description="the partition key that the spec would be accepted under; empty if it has errors")
    errors: list[Finding]
    warnings: list[Finding]
    missing: list[Lacking]


def validated(services: Services, data: bytes, overlay: bytes | None = None, *, resolved: bool = True) -> Validated:
    """Read a spec; with ``resolved`` find its plans over the factors in force as well."""
    most = services.settings.max_spec_bytes
    done = report(data, NAME, overlay=overlay, overlay_name=overlay_name(NAME), max_bytes=most)
    findings = done.diagnostics
    missing: tuple[Missing, ...] = ()
    complete: bool | None = None
    if resolved and (done.spec or done.draft) is not None:
        table, formulas = services.factors().table, library()
        if done.spec is None:
            assert done.draft is not None
            findings = (*findings, *further(done.draft, findings, table, formulas))
        else:
            resolution = resolve(done.spec, table, formulas)
            findings, missing = (*findings, *resolution.diagnostics), resolution.missing
            complete = resolution.complete and not any(d.severity == "error" for d in findings)
    told = [Finding.of(d) for d in findings]
    valid = done.spec is not None and not any(d.severity == "error" for d in findings)
    spec = done.spec or done.draft
    return Validated(
        valid=valid,
        complete=complete,
        dialect=done.dialect,
        agent_id=spec.agent_id if spec else "",
        version=spec.version if spec else "",
        key=done.spec.partition if done.spec and valid else "",
        errors=[one for one in told if one.severity == "error"],
        warnings=[one for one in told if one.severity != "error"],
        missing=[Lacking(output=m.output, reason=m.reason, candidates=list(m.candidates)) for m in missing],
    )
