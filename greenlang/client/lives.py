"""Requests about the life of builds: steps, approvals, use, what was in force when; and the policies that decide.

A step that is refused is an answer as well: ``taken`` and ``allowed`` are false, ``checks`` say what lacks. Belongs
here: these requests. Does not belong here: what they do (`greenlang.registry.lifecycle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from greenlang.client.call import REGISTRY, Call, Document, Page, document, given, listed, named, part


def status(ref: str, to: str = "", *, fast_track: bool = False) -> Call[Document]:
    """What a build lacks for its next step, and its open flags: to, policy, allowed, checks, flags."""
    path, params = named(ref, "/promotion-status")
    return Call("GET", path, document, {**params, **given(to=to, fast_track=fast_track)})


def promote(ref: str, to: str, reason: str, *, fast_track: bool = False, dry_run: bool = False) -> Call[Document]:
    """A step up: ref, taken, allowed, policy, steps, checks."""
    return _step(ref, "promote", to=to, reason=reason, fast_track=fast_track, dry_run=dry_run)


def approve(ref: str, to: str, comment: str, *, approved: bool = True, dry_run: bool = False) -> Call[Document]:
    """One's word on a step; what it still lacks."""
    return _step(ref, "approve", to=to, comment=comment, approved=approved, dry_run=dry_run)


def deprecate(ref: str, successor: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """End the use of a version, naming what to use instead."""
    return _step(ref, "deprecate", successor=successor, reason=reason, dry_run=dry_run)


def retire(ref: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """Retire a version."""
    return _step(ref, "retire", reason=reason, dry_run=dry_run)


def rollback(ref: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """Undo a build's last step."""
    return _step(ref, "rollback", reason=reason, dry_run=dry_run)


def history(ref: str) -> Call[Page[Document]]:
    """The signed steps of a version's builds, or of one build, the oldest first."""
    path, params = named(ref, "/transitions")
    return Call("GET", path, listed(document), params)


def verification(ref: str) -> Call[Page[Document]]:
    """What does not fit in the signed steps of a version: findings; none: nothing was changed."""
    path, params = named(ref, "/verification")
    return Call("GET", path, listed(document, "findings"), params)


def usage(ref: str, window: int = 30) -> Call[Document]:
    """Calls, errors and users of a build in the last days."""
    path, params = named(ref, "/metrics")
    return Call("GET", path, document, {**params, "window": window})


def report_usage(
    ref: str, day: date, calls: int, errors: int = 0, users: Sequence[str] = (), *, dry_run: bool = False
) -> Call[Document]:
    """Add calls and errors to a day of a build."""
    told = {"day": day.isoformat(), "calls": calls, "errors": errors, "users": list(users)}
    return _step(ref, "usage", **told, dry_run=dry_run)


def as_of(at: datetime, *, environment: str = "production", state: str = "certified") -> Call[Page[Document]]:
    """What was certified for one's tenant at a moment, and on which evidence."""
    return Call("GET", f"{REGISTRY}/as-of", listed(document), given(at=at, environment=environment, state=state))


def decay(*, dry_run: bool = False) -> Call[Document]:
    """Flag the builds whose pins are superseded by the tables in force; end flags that hold no longer."""
    return Call("POST", f"{REGISTRY}/decay", document, body={"dry_run": dry_run})


def policies() -> Call[Page[Document]]:
    """The policies that there are: name, digest, about, in_force."""
    return Call("GET", f"{REGISTRY}/policies", listed(document))


def policy(name: str) -> Call[Document]:
    """One with every criterion: name, digest, in_force, text, policy."""
    return Call("GET", f"{REGISTRY}/policies/{part(name)}", document)


def use_policy(*, name: str = "", text: str = "", dry_run: bool = False) -> Call[Document]:
    """Put one in force, by its name or as YAML."""
    return Call("POST", f"{REGISTRY}/policies", document, body={**_said(name, text), "dry_run": dry_run})


def compare_policies(*, old: str = "", old_text: str = "", new: str = "", new_text: str = "") -> Call[Page[Document]]:
    """Whose state, or readiness, would be another: each policy by its name or as YAML."""
    body = {"old": _said(old, old_text), "new": _said(new, new_text)}
    return Call("POST", f"{REGISTRY}/policies/diff", listed(document), body=body)


def _said(name: str, text: str) -> dict[str, str]:
    return {"text": text} if text else {"name": name}


def _step(ref: str, step: str, **body: Any) -> Call[Document]:
    path, params = named(ref, f"/{step}")
    return Call("POST", path, document, params, body, refused={"step-refused": lambda told: document(told["answer"])})
