"""Intake: what becomes of a file that somebody dropped in the inbox, a spec or an overlay.

Belongs here: the entrances. Does not belong here: deciding, moving and wording (``greenlang.factory.inbox``), building
a spec (``greenlang.factory.line``), storage (``greenlang.bucket``).

One call decides about all its files first, writes the decisions into a journal (``var/intake/<digest>.json``), carries
them out, and only then takes the journal away. Each step can be repeated, so a killed call is finished by the next one
with the same end state. Nothing is ever deleted: a file ends in ``specs/``, in ``rejected/`` beside its reports, or on
top of the same bytes in ``specs/``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

from greenlang.bucket import Bucket, Entry, hidden
from greenlang.factory.inbox import journal
from greenlang.factory.inbox.desk import Desk, OutcomeOf, Registered, rejected_name
from greenlang.factory.inbox.results import Intake, Refused
from greenlang.factory.inbox.shelf import spec_path
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic


def waiting_files(bucket: Bucket, settings: Settings, *, after: str = "", settle: bool = True) -> list[Entry]:
    """The inbox's files that are ready to be taken in, sorted by name, those after ``after``."""
    return [
        entry
        for entry in bucket.list("inbox", after)
        if not hidden(entry.name) and (not settle or bucket.settled(entry, settings.settle_seconds))
    ]


def take_in(
    bucket: Bucket,
    settings: Settings,
    names: Sequence[str] | None = None,
    *,
    settle: bool = True,
    registered: Registered | None = None,
    outcome_of: OutcomeOf | None = None,
    hold: bool = False,
) -> Intake:
    """Take in the inbox, or the files ``names`` of it; a name that is gone is passed over.

    ``registered(agent_id, version)`` gives the digest of the registered spec, ``outcome_of(key)`` the
    outcome of an accepted one, each None if there is none. With ``hold`` the journals stay until
    `Intake.close`, so that a caller killed before it has recorded the results gets them again from its next
    call.

    Raises `BucketError` if the bucket cannot be read or written; what was decided is finished by the next
    call.
    """
    with journal.alone(settings):
        finished = [journal.finish(bucket, path) for path in journal.journals(bucket, settings)]
        plan = Desk(bucket, settings, registered, outcome_of).decide(names, settle=settle)
        if plan.steps:
            finished.append(journal.finish(bucket, journal.write(bucket, settings, plan.steps)))
        result = Intake(
            accepted=tuple(a for part in finished for a in part.accepted),
            refused=tuple(r for part in finished for r in part.refused),
            unchanged=tuple(u for part in finished for u in part.unchanged),
            replaced=tuple(r for part in finished for r in part.replaced),
            overlays=tuple(o for part in finished for o in part.overlays),
            waiting=tuple(plan.waiting) + tuple(w for part in finished for w in part.waiting),
            journals=tuple(j for part in finished for j in part.journals),
        )
        if not hold:
            result.close()
        return result


def reject_later(
    bucket: Bucket, key: str, name: str, diagnostics: Sequence[Diagnostic], *, outcome: str = "refused"
) -> Refused:
    """Move an accepted spec to ``rejected/<name>`` beside its reports: resolution refused it. May be
    repeated.
    """
    src = spec_path(key)
    entry = bucket.stat(src)
    if entry is None:
        return _told_before(bucket, key, name, tuple(diagnostics))
    digest = bucket.digest(src)
    stored = rejected_name(bucket, name, digest, entry.size, {})
    refused = Refused(name, stored, digest, tuple(diagnostics))
    journal.apply(bucket, journal.refusal(refused, src, entry, outcome=outcome, key=key))
    return refused


def _told_before(bucket: Bucket, key: str, name: str, diagnostics: tuple[Diagnostic, ...]) -> Refused:
    """A spec that an earlier call, killed later, has moved: say again what that call said."""
    stem, _, ending = name.rpartition(".")
    for stored in (name, f"{stem}.{key[-8:]}.{ending}"):
        with contextlib.suppress(FileNotFoundError):
            body = json.loads(bucket.read(f"rejected/{stored}.report.json"))
            if body["key"] == key:
                return Refused(name, stored, body["sha256"], diagnostics)
    raise FileNotFoundError(f"{spec_path(key)} is neither in specs/ nor in rejected/")
