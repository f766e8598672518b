"""`If-Match`: a write that is done only if what it changes is as its caller saw it (RFC 9110, section 13.1.1).

Belongs here: comparing ETags before a write. Does not belong here: making them for answers (`caching`).

Nobody has to send one (428 is never answered): what decides about a step, the policy and the ladder, looks at what is
there in the step's own transaction, and a reference with a digest means one build. It is for people who decide by what
they read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel

from greenlang.api.caching import etag_of
from greenlang.api.models import Agent
from greenlang.api.naming import build_named
from greenlang.api.problems import Problem
from greenlang.registry import Registry
from greenlang.registry.reference import Reference

NAME = "If-Match"


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the caller saw; empty where they do not say."""

    asked: str

    def met(self, now: BaseModel) -> None:
        """Raise Problem 412 unless the caller saw this, as a GET answers with it, or does not say."""
        etag = etag_of(now.model_dump_json().encode()).decode()
        if self.asked and not {etag, "*"} & {one.strip() for one in self.asked.split(",")}:
            raise Problem(412, "it is another by now: read it again", kind="changed", headers={"ETag": etag})

    def of_agent(self, store: Registry, ref: Reference) -> Reference:
        """The reference, to the very build that the caller saw. Raises Problem 412, NotRegistered."""
        if not self.asked:
            return ref
        entry = build_named(store, ref)
        self.met(Agent.of(entry))
        return replace(ref, version=entry.version, digest=entry.pack_digest)


async def _asked(
    if_match: Annotated[
        str | None, Header(alias=NAME, max_length=1000, description="The ETag that reading it answered with.")
    ] = None,
) -> Precondition:
    return Precondition(if_match or "")


AsSeen = Annotated[Precondition, Depends(_asked)]
