"""Intake: what becomes of a file that somebody dropped in the inbox.

Belongs here: deciding which files are accepted, refused or known already; moving them; the reports. Does
not belong here: reading a spec (``greenlang.specs``), building it (``greenlang.factory.line``), storage
(``greenlang.bucket``).

One call decides about all its files first, writes the decisions into a journal
(``var/intake/<digest>.json``), carries them out, and only then takes the journal away. Each step can be
repeated, so a killed call is finished by the next one with the same end state. Nothing is ever deleted: a
file ends in ``specs/``, in ``rejected/`` beside its reports, or on top of the same bytes in ``specs/``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenlang.bucket import Bucket, Entry, hidden
from greenlang.errors import BucketError
from greenlang.factory.outcome import SpecSource
from greenlang.settings import Settings
from greenlang.specs import reader
from greenlang.specs.diagnostics import Diagnostic, has_errors
from greenlang.specs.model import AgentSpec, slug

Registered = Callable[[str, str], str | None]
OutcomeOf = Callable[[str], str | None]

_NAMES = "specs/.names"
# An earlier file with one of these ends has been told; a corrected file of the same version may follow it.
_OVER = frozenset({"incomplete", "refused", "quarantined"})


@dataclass(frozen=True, slots=True)
class Accepted:
    """A spec that stands in ``specs/`` now. ``name`` is what its author called the file."""

    key: str
    name: str
    digest: str
    source: SpecSource


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that stands in ``rejected/<stored>`` now, beside ``<stored>.report.md`` and ``.json``.

    ``digest`` is empty for a file that was too large to read.
    """

    name: str
    stored: str
    digest: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def reason(self) -> str:
        """The first error, in one line."""
        errors = [d for d in self.diagnostics if d.severity == "error"]
        return errors[0].message if errors else "refused"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file whose very bytes had been accepted before."""

    key: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What one call did, with what it finished of a call that was killed.

    ``waiting``: files that were not touched (still being written, or changed under our hands).
    ``journals`` stay on disk only with ``hold=True``; `close` takes them away.
    """

    accepted: tuple[Accepted, ...] = ()
    refused: tuple[Refused, ...] = ()
    unchanged: tuple[Unchanged, ...] = ()
    waiting: tuple[str, ...] = ()
    journals: tuple[Path, ...] = ()

    def close(self) -> None:
        """Forget the journals: everything that came of these files has been recorded elsewhere."""
        for journal in self.journals:
            journal.unlink(missing_ok=True)


def waiting_files(bucket: Bucket, settings: Settings, *, after: str = "", settle: bool = True) -> list[Entry]:
    """The inbox's files that are ready to be taken in, sorted by name, those after ``after``."""
    return [
        entry
        for entry in bucket.list("inbox", after)
        if not hidden(entry.name) and (not settle or bucket.settled(entry, settings.settle_seconds))
    ]


def unfinished(settings: Settings) -> tuple[Path, ...]:
    """Journals of calls that were killed, or whose results were not recorded yet."""
    return tuple(sorted((settings.var / "intake").glob("*.json")))


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
    with _alone(settings):
        finished = [_finish(bucket, journal) for journal in _journals(bucket, settings)]
        desk = _Desk(bucket, settings, registered, outcome_of)
        plan = desk.decide(names, settle=settle)
        if plan.steps:
            journal = _write_journal(bucket, settings, plan)
            finished.append(_finish(bucket, journal))
        result = Intake(
            accepted=tuple(a for part in finished for a in part.accepted),
            refused=tuple(r for part in finished for r in part.refused),
            unchanged=tuple(u for part in finished for u in part.unchanged),
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
    stored = _rejected_name(bucket, name, digest, entry.size, {})
    refused = Refused(name, stored, digest, tuple(diagnostics))
    _apply(bucket, _refusal(refused, src, entry, outcome=outcome, key=key))
    return refused


def spec_path(key: str) -> str:
    """Where an accepted spec stands in the bucket."""
    return f"specs/{slug(key)}.yaml"


def accepted_keys(bucket: Bucket) -> list[str]:
    """The keys of all specs in ``specs/``, sorted by slug."""
    return [_key(e.name) for e in bucket.list("specs") if e.name.endswith(".yaml") and not hidden(e.name)]


def source_name(bucket: Bucket, key: str) -> str:
    """What the author called the file of an accepted spec; its slug if nobody knows."""
    try:
        return str(json.loads(bucket.read(f"{_NAMES}/{slug(key)}.json"))["name"])
    except FileNotFoundError:
        return f"{slug(key)}.yaml"


def read_accepted(bucket: Bucket, key: str) -> SpecSource:
    """An accepted spec under its author's name.

    Raises FileNotFoundError if it is not there, `BucketError` if its bytes are not those that were accepted.
    """
    data = bucket.read(spec_path(key))
    if hashlib.sha256(data).hexdigest()[:8] != key[-8:]:
        raise BucketError(f"{spec_path(key)} was changed by hand: drop it in inbox/ as a new version instead")
    return SpecSource(source_name(bucket, key), data)


# -- deciding
# ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _File:
    entry: Entry
    data: bytes
    digest: str
    spec: AgentSpec

    @property
    def release(self) -> tuple[str, str]:
        return self.spec.agent_id, self.spec.version


@dataclass(slots=True)
class _Plan:
    steps: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # name in rejected/ -> digest


@dataclass(slots=True)
class _Desk:
    """Where decisions are taken: reads the bucket, touches nothing, fills the plan."""

    bucket: Bucket
    settings: Settings
    registered: Registered | None
    outcome_of: OutcomeOf | None
    plan: _Plan = field(default_factory=_Plan)

    def decide(self, names: Sequence[str] | None, *, settle: bool) -> _Plan:
        wanted = None if names is None else frozenset(names)
        groups: dict[tuple[str, str], list[_File]] = defaultdict(list)
        for entry in self.bucket.list("inbox"):
            if hidden(entry.name) or (wanted is not None and entry.name not in wanted):
                continue
            if settle and not self.bucket.settled(entry, self.settings.settle_seconds):
                self.plan.waiting.append(entry.name)
                continue
            file = self.read(entry)
            if file is not None:
                groups[file.release].append(file)
        standing: dict[str, list[str]] = defaultdict(list)
        for stored in self.bucket.list("specs") if groups else ():
            if stored.name.endswith(".yaml") and not hidden(stored.name):
                standing[stored.name[: -len("-12345678.yaml")]].append(stored.name)
        for release, group in sorted(groups.items()):
            self.release(release, group, standing)
        self.plan.steps.sort(key=lambda step: str(step["src"]))
        return self.plan

    def read(self, entry: Entry) -> _File | None:
        """One file, parsed; None if it was refused or is not ready."""
        limit = self.settings.max_spec_bytes
        is_spec = entry.name.endswith((".yaml", ".yml"))
        if entry.size > limit:
            finding = _too_large(entry, limit) if is_spec else _no_spec_file(entry)
            self.refuse(entry, "", (finding,))
            return None
        try:
            data = self.bucket.read(f"inbox/{entry.name}", limit + 1)
        except FileNotFoundError:
            return None  # its owner took it away again
        except BucketError as error:
            # Other files may be readable; this one is named and waits for its owner.
            self.plan.waiting.append(f"{entry.name} ({error})")
            return None
        if len(data) != entry.size:
            self.plan.waiting.append(entry.name)
            return None
        digest = hashlib.sha256(data).hexdigest()
        if is_spec:
            return self.parse(entry, data, digest)
        self.refuse(entry, digest, (_no_spec_file(entry),))
        return None

    def parse(self, entry: Entry, data: bytes, digest: str) -> _File | None:
        try:
            spec, diagnostics = reader.read(data, entry.name, max_bytes=self.settings.max_spec_bytes)
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            self.refuse(entry, digest, (_our_fault(error),), outcome="quarantined")
            return None
        if spec is None or has_errors(diagnostics):
            self.refuse(entry, digest, tuple(diagnostics))
            return None
        return _File(entry, data, digest, spec)

    def release(self, release: tuple[str, str], group: list[_File], standing: dict[str, list[str]]) -> None:
        """Decide about all files of one id and version."""
        stem = slug(f"{release[0]}@{release[1]}-")[:-1]
        stored = {name: self.bucket.digest(f"specs/{name}") for name in standing.get(stem, ())}
        fresh: list[_File] = []
        for file in group:
            if stored.get(f"{file.spec.slug}.yaml") == file.digest:
                self.plan.steps.append(_acceptance(file, "unchanged"))
            else:
                fresh.append(file)
        rivals = self.rivals(release, stem, stored) if fresh else []
        if len({file.digest for file in fresh}) > 1:
            rivals += [("dropped in the inbox at the same time", f"inbox/{f.entry.name}", f.digest) for f in fresh]
        seen: set[str] = set()
        for file in fresh:
            against = [rival for rival in rivals if rival[2] != file.digest]
            # The same first eight digits, other bytes: the name in specs/ is taken for good.
            against += [
                ("accepted before", f"specs/{name}", digest)
                for name, digest in stored.items()
                if name == f"{file.spec.slug}.yaml" and not any(r[1] == f"specs/{name}" for r in against)
            ]
            if against:
                self.refuse(file.entry, file.digest, tuple(_conflict(file, rival) for rival in against))
            else:
                self.plan.steps.append(_acceptance(file, "unchanged" if file.digest in seen else "accepted"))
                seen.add(file.digest)

    def rivals(self, release: tuple[str, str], stem: str, stored: dict[str, str]) -> list[tuple[str, str, str]]:
        """What already holds this id and version: how it stands, its name, its digest."""
        rivals: list[tuple[str, str, str]] = []
        known = self.registered(*release) if self.registered else None
        if known is not None:
            name = next((n for n, digest in stored.items() if digest == known), f"{stem}-{known[:8]}.yaml")
            rivals.append(("registered", f"specs/{name}", known))
        for name, digest in stored.items():
            outcome = self.outcome_of(_key(name)) if self.outcome_of else None
            if digest != known and outcome not in _OVER:
                rivals.append(("accepted before and not decided yet", f"specs/{name}", digest))
        return rivals

    def refuse(
        self, entry: Entry, digest: str, diagnostics: tuple[Diagnostic, ...], *, outcome: str = "refused"
    ) -> None:
        stored = _rejected_name(self.bucket, entry.name, digest, entry.size, self.plan.taken)
        self.plan.taken[stored] = digest
        refused = Refused(entry.name, stored, digest, diagnostics)
        self.plan.steps.append(_refusal(refused, f"inbox/{entry.name}", entry, outcome=outcome))


def _rejected_name(bucket: Bucket, name: str, digest: str, size: int, taken: dict[str, str]) -> str:
    """``name``, or with eight digits of the digest if other bytes have that name, or a report could want
    it.
    """
    if not name.endswith((".report.md", ".report.json")) and taken.get(name, digest) == digest:
        standing = bucket.stat(f"rejected/{name}")
        if standing is None:
            return name
        if digest and standing.size == size and bucket.digest(f"rejected/{name}") == digest:
            return name
    if not digest:
        digest = bucket.digest(f"inbox/{name}")
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.{digest[:8]}.{ending}" if dot else f"{name}.{digest[:8]}"


def _key(stored: str) -> str:
    """The partition key behind a name in ``specs/``."""
    agent_id, _, rest = stored.removesuffix(".yaml").partition("@")
    return f"{agent_id.replace('.', '/')}@{rest}"


# -- findings
# ----------------------------------------------------------------------------------------------------


def _no_spec_file(entry: Entry) -> Diagnostic:
    return Diagnostic(
        "GLS070",
        "error",
        f"{entry.name} is not a spec file: specs are YAML files whose names end in .yaml or .yml",
        "give it the ending .yaml if it is a spec; other files do not belong in the inbox",
    )


def _too_large(entry: Entry, limit: int) -> Diagnostic:
    return Diagnostic(
        "GLS004",  # the reader's own finding, without reading
        "error",
        f"the file has {entry.size:,} bytes; a spec may have {limit:,}",
        "a spec holds declarations, not data: move tables into factor files",
    )


def _conflict(file: _File, rival: tuple[str, str, str]) -> Diagnostic:
    standing, name, digest = rival
    agent_id, version = file.release
    return Diagnostic(
        "GLS071",
        "error",
        f"{agent_id} {version} has two contents: {file.entry.name} (SHA-256 {file.digest}) and {name} "
        f"(SHA-256 {digest}), which was {standing}",
        "a version means one content for ever: give the one that shall be built a version of its own",
    )


def _our_fault(error: Exception) -> Diagnostic:
    first = (str(error) or "no message").splitlines()[0][:300]
    return Diagnostic(
        "GLS079",
        "error",
        f"the reader itself failed: {type(error).__name__}: {first}",
        "this is a fault of GreenLang, not of the file: please report it with the file",
    )


# -- reports
# -----------------------------------------------------------------------------------------------------


def report_markdown(refused: Refused, *, outcome: str = "refused", key: str = "") -> str:
    """The report for a person: what is wrong, where, how to mend it, and what happens next."""
    errors = [d for d in refused.diagnostics if d.severity == "error"]
    notes = [d for d in refused.diagnostics if d.severity != "error"]
    what = f" (agent {key})" if key else ""
    bytes_ = f"SHA-256 {refused.digest}" if refused.digest else "too large to be read"
    lines = [
        f"# {refused.name} was {outcome}",
        "",
        f"No agent was built from it{what}. The file is kept as it arrived, in `rejected/{refused.stored}` ({bytes_}).",
        "",
        "## What is wrong",
        "",
    ]
    lines += [line for number, d in enumerate(errors, 1) for line in _item(f"{number}.", d)]
    if notes:
        lines += ["", "## Also noticed", ""]
        lines += [line for d in notes for line in _item("-", d)]
    lines += [
        "",
        "## What happens next",
        "",
        "Nothing, until you act: mend the file and drop it in `inbox/` again, under this name or another. "
        "It is then read as if it were new. This report is replaced if the same file is refused again.",
        "",
    ]
    return "\n".join(lines)


def _item(mark: str, d: Diagnostic) -> Iterator[str]:
    place = f"line {d.line}, column {d.column}" if d.line else "the file as a whole"
    path = f", `{d.path}`" if d.path else ""
    pad = " " * (len(mark) + 1)
    yield f"{mark} **{place}**{path} ({d.code}): {_one_line(d.message)}"
    if d.hint:
        yield f"{pad}How to mend it: {_one_line(d.hint)}"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _report_json(refused: Refused, outcome: str, key: str) -> str:
    body = {
        "file": refused.name,
        "stored_as": refused.stored,
        "sha256": refused.digest,
        "key": key,
        "outcome": outcome,
        "diagnostics": [d.as_dict() for d in refused.diagnostics],
    }
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _told_before(bucket: Bucket, key: str, name: str, diagnostics: tuple[Diagnostic, ...]) -> Refused:
    """A spec that an earlier call, killed later, has moved: say again what that call said."""
    stem, _, ending = name.rpartition(".")
    for stored in (name, f"{stem}.{key[-8:]}.{ending}"):
        with contextlib.suppress(FileNotFoundError):
            body = json.loads(bucket.read(f"rejected/{stored}.report.json"))
            if body["key"] == key:
                return Refused(name, stored, body["sha256"], diagnostics)
    raise FileNotFoundError(f"{spec_path(key)} is neither in specs/ nor in rejected/")


# -- steps and the journal
# -----------------------------------------------------------------------------------------


def _acceptance(file: _File, fate: str) -> dict[str, Any]:
    key = file.spec.partition
    writes = []
    if fate == "accepted":
        body = json.dumps({"name": file.entry.name}, ensure_ascii=False) + "\n"
        writes = [[f"{_NAMES}/{file.spec.slug}.json", body]]
    return {
        "fate": fate,
        "src": f"inbox/{file.entry.name}",
        "dst": spec_path(key),
        "etag": file.entry.etag,
        "writes": writes,
        "name": file.entry.name,
        "key": key,
        "digest": file.digest,
    }


def _refusal(refused: Refused, src: str, entry: Entry, *, outcome: str, key: str = "") -> dict[str, Any]:
    dst = f"rejected/{refused.stored}"
    return {
        "fate": "refused",
        "src": src,
        "dst": dst,
        "etag": entry.etag,
        "writes": [
            [f"{dst}.report.md", report_markdown(refused, outcome=outcome, key=key)],
            [f"{dst}.report.json", _report_json(refused, outcome, key)],
        ],
        "name": refused.name,
        "stored": refused.stored,
        "digest": refused.digest,
        "diagnostics": [d.as_dict() for d in refused.diagnostics],
    }


def _apply(bucket: Bucket, step: dict[str, Any]) -> bool:
    """Carry out one step, or what is left of it. False if its file went away or changed before it began."""
    entry = bucket.stat(step["src"])
    if entry is None:
        return bucket.exists(step["dst"])
    if entry.etag != step["etag"]:
        return False
    for path, text in step["writes"]:
        bucket.write(path, text.encode())
    return bucket.move(step["src"], step["dst"], etag=step["etag"])


def _finish(bucket: Bucket, journal: Path) -> Intake:
    """Carry out a journal and read back what came of it."""
    body = json.loads(journal.read_text(encoding="utf-8"))
    accepted: list[Accepted] = []
    refused: list[Refused] = []
    unchanged: list[Unchanged] = []
    waiting: list[str] = []
    for step in body["steps"]:
        name, digest = step["name"], step["digest"]
        if not _apply(bucket, step):
            waiting.append(name)
        elif step["fate"] == "refused":
            findings = tuple(Diagnostic(**d) for d in step["diagnostics"])
            refused.append(Refused(name, step["stored"], digest, findings))
        elif step["fate"] == "unchanged":
            unchanged.append(Unchanged(step["key"], name, digest))
        else:
            source = SpecSource(name, bucket.read(step["dst"]))
            accepted.append(Accepted(step["key"], name, digest, source))
    return Intake(tuple(accepted), tuple(refused), tuple(unchanged), tuple(waiting), (journal,))


def _journals(bucket: Bucket, settings: Settings) -> Iterator[Path]:
    """The journals that belong to this bucket."""
    for journal in unfinished(settings):
        if json.loads(journal.read_text(encoding="utf-8"))["bucket"] == bucket.address:
            yield journal


def _write_journal(bucket: Bucket, settings: Settings, plan: _Plan) -> Path:
    text = json.dumps({"bucket": bucket.address, "steps": plan.steps}, sort_keys=True, ensure_ascii=False)
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
def _alone(settings: Settings) -> Iterator[None]:
    """One intake at a time on this machine; the lock goes with the process, however that ends."""
    import fcntl

    folder = settings.var / "intake"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
