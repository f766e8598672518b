"""Steps on files, the journal that remembers them, and carrying them out.

A step is a plain mapping, so that a journal can hold it. Each can be repeated: a killed call is finished by the next
one with the same end state. Belongs here: writing, moving, reading back what came of it. Does not belong here: deciding
(``desk``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenlang.bucket import Bucket, Entry
from greenlang.errors import BucketError
from greenlang.factory.inbox import reports, shelf
from greenlang.factory.inbox.results import Accepted, Intake, OverlayTaken, Refused, Replaced, Unchanged
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import slug

Step = dict[str, Any]


# --- steps ------------------------------------------------------------------------------------------------------------


def acceptance(entry: Entry, key: str, digest: str, fate: str) -> Step:
    """A spec moves to its place. ``fate``: accepted, or unchanged where these very bytes stand there."""
    dst = shelf.spec_path(key)
    writes = [[shelf.name_path(dst), _json({"name": entry.name})]] if fate == "accepted" else []
    return _step(fate, entry, dst, digest, writes, key=key)


def overlay(
    entry: Entry, digest: str, release: shelf.Release, key: str, waits: str, *, changed: bool, older: str
) -> Step:
    """An overlay moves to its place; the one of digest ``older``, if any stands there, is kept among the older ones."""
    dst = shelf.overlay_path(release)
    writes = [overlay_report(entry.name, digest, release, key, waits)]
    if changed:
        writes.append([shelf.name_path(dst), _json({"name": entry.name, "sha256": digest})])
    copies = [[dst, shelf.older_overlay_path(release, older)]] if older else []
    return _step("overlay", entry, dst, digest, writes, copies=copies, key=key, waits=waits, changed=changed)


def overlay_report(name: str, digest: str, release: shelf.Release, key: str, waits: str = "") -> list[str]:
    """Path and text of the report on an accepted overlay."""
    return [
        f"reports/{shelf.stem(release)}.overlay.md",
        reports.overlay_markdown(name, digest, release, key, waits),
    ]


def refusal(refused: Refused, src: str, entry: Entry, *, outcome: str, key: str = "", overlay: bool = False) -> Step:
    """A file moves to ``rejected/`` beside its reports."""
    dst = f"rejected/{refused.stored}"
    writes = [
        [f"{dst}.report.md", reports.refusal_markdown(refused, outcome=outcome, key=key, overlay=overlay)],
        [f"{dst}.report.json", reports.refusal_json(refused, outcome=outcome, key=key)],
    ]
    findings = [d.as_dict() for d in refused.diagnostics]
    more = {"src": src, "name": refused.name, "stored": refused.stored, "diagnostics": findings}
    return _step("refused", entry, dst, refused.digest, writes, **more)


def replacement(refused: Refused, entry: Entry, key: str, by: str) -> Step:
    """A spec that a corrected file of its version follows, whose key is ``by``, moves to ``rejected/``."""
    step = refusal(refused, shelf.spec_path(key), entry, outcome="replaced", key=key)
    report = reports.refusal_markdown(refused, outcome="replaced", key=key)
    writes = [*step["writes"], [f"reports/{slug(key)}.md", report]]
    return step | {"fate": "replaced", "key": key, "by": by, "writes": writes}


def _step(fate: str, entry: Entry, dst: str, digest: str, writes: list[list[str]], **more: Any) -> Step:
    step = {"fate": fate, "src": f"inbox/{entry.name}", "dst": dst, "etag": entry.etag, "writes": writes}
    return step | {"name": entry.name, "digest": digest} | more


def _json(body: dict[str, str]) -> str:
    return json.dumps(body, ensure_ascii=False) + "\n"


# --- carrying out -----------------------------------------------------------------------------------------------------


def apply(bucket: Bucket, step: Step) -> bool:
    """Carry out one step, or what is left of it. False if its file went away or changed before it began."""
    entry = bucket.stat(step["src"])
    if entry is None:
        return bucket.exists(step["dst"])
    if entry.etag != step["etag"]:
        return False
    for src, dst in step.get("copies", ()):
        bucket.write(dst, bucket.read(src))
    for path, text in step["writes"]:
        bucket.write(path, text.encode())
    return bucket.move(step["src"], step["dst"], etag=step["etag"])


def finish(bucket: Bucket, journal: Path) -> Intake:
    """Carry out a journal and read back what came of it."""
    steps: list[Step] = json.loads(journal.read_text(encoding="utf-8"))["steps"]
    done: dict[str, list[Step]] = {"accepted": [], "refused": [], "unchanged": [], "replaced": [], "overlay": []}
    waiting: list[str] = []
    for step in steps:
        if apply(bucket, step):
            done[step["fate"]].append(step)
        else:
            waiting.append(step["name"])
    return Intake(
        accepted=tuple(Accepted(s["key"], s["name"], s["digest"]) for s in done["accepted"]),
        refused=tuple(_refused(step) for step in done["refused"]),
        unchanged=tuple(Unchanged(s["key"], s["name"], s["digest"]) for s in done["unchanged"]),
        replaced=tuple(
            Replaced(s["key"], s.get("by") or s["key"].rpartition("-")[0], _refused(s)) for s in done["replaced"]
        ),
        overlays=tuple(
            OverlayTaken(s["name"], s["digest"], s["key"], s["changed"], s["waits"]) for s in done["overlay"]
        ),
        waiting=tuple(waiting),
        journals=(journal,),
    )


def _refused(step: Step) -> Refused:
    findings = tuple(Diagnostic(**d) for d in step["diagnostics"])
    return Refused(step["name"], step["stored"], step["digest"], findings)


# --- the journal ------------------------------------------------------------------------------------------------------


def unfinished(settings: Settings) -> tuple[Path, ...]:
    """Journals of calls that were killed, or whose results were not recorded yet."""
    return tuple(sorted((settings.var / "intake").glob("*.json")))


def journals(bucket: Bucket, settings: Settings) -> Iterator[Path]:
    """The journals that belong to this bucket."""
    for journal in unfinished(settings):
        if json.loads(journal.read_text(encoding="utf-8"))["bucket"] == bucket.address:
            yield journal


def write(bucket: Bucket, settings: Settings, steps: list[Step]) -> Path:
    """Remember the steps before the first one is carried out."""
    text = json.dumps({"bucket": bucket.address, "steps": steps}, sort_keys=True, ensure_ascii=False)
    folder = settings.var / "intake"
    journal = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    temporary = folder / ".journal.tmp"  # one name: the lock is held, and a killed call's rest goes away
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(journal)
    except OSError as error:
        raise BucketError(f"the intake journal in {folder} cannot be written: {error.strerror}") from error
    return journal


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One intake at a time on this machine; the lock goes with the process, however that ends."""
    import fcntl

    folder = settings.var / "intake"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
