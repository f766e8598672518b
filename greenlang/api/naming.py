"""How a request names an agent, a version, a build, and which texts it may hold.

Belongs here: reading names, in the path, behind `@` or as query parameters; types of texts. Does not belong here: the
form of a name (`greenlang.registry.reference`), what it means (`greenlang.registry.named`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from greenlang.api.problems import Problem
from greenlang.registry import Build, Registry, RegistryEntry, named
from greenlang.registry.reference import Reference

_OF_BUILD = [name for name in Build.__slots__ if name in RegistryEntry.__slots__]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _readable(text: str) -> str:
    _printable(text.replace("\n", "").replace("\t", ""))
    return text


def _in_our_time(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 2200:
        raise ValueError("is not between 1970 and 2200")
    return moment


Text = Annotated[str, StringConstraints(max_length=400), AfterValidator(_printable)]
"""One line."""

Words = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_readable)]
"""Lines that somebody wrote: a reason, a comment."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
"""RFC 3339 with an offset."""


async def reference(
    agent_id: Annotated[str, Path(max_length=400, description="agent_id, or agent_id@version")],
    version: Annotated[Text | None, Query(description="The version, where the path does not say it.")] = None,
    digest: Annotated[Text | None, Query(description="6 to 64 digits of the pack's digest: one build.")] = None,
) -> Reference:
    """The name in a path. Raises Problem 422 and ReferenceInvalid."""
    text = agent_id
    if version is not None:
        name, _, said = agent_id.partition("@")
        if said not in ("", version):
            raise Problem(422, f"the path says {said!r}, the query {version!r}", kind="invalid-request")
        text = f"{name}@{version}"
    return Reference.parse(f"{text}#{digest}" if digest is not None else text)


Ref = Annotated[Reference, Depends(reference)]


def build_named(store: Registry, ref: Reference) -> RegistryEntry:
    """The version as the named build is, or as the one in force. Raises NotRegistered."""
    with store.transaction() as connection:
        found = named.named(connection, store.caller, ref)
    return replace(found.entry, **{name: getattr(found.build, name) for name in _OF_BUILD})
