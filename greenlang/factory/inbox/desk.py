"""The desk, where it is decided what becomes of each file: it reads the bucket, touches nothing, and fills the plan.

Belongs here: the rules. Does not belong here: their wording (``reports``), carrying them out (``journal``).

An id and version has one spec: what is registered or not decided yet stays, and a corrected file takes the place of one
that did not get that far. It has one overlay in force: the last that was accepted. An overlay whose spec is not there
yet waits beside the specs; one that does not fit its spec is refused, and what was in force stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from greenlang.bucket import Bucket, Entry, hidden
from greenlang.errors import BucketError
from greenlang.factory.inbox import journal, reports, shelf
from greenlang.factory.inbox.checks import Checks
from greenlang.factory.inbox.reading import BadFile, OverlayFile, SpecFile, Waits, read_file
from greenlang.factory.inbox.results import Refused
from greenlang.factory.inbox.shelf import Release, Shelf, StoredOverlay
from greenlang.factory.source import SpecSource
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import identity

Registered = Callable[[str, str], str | None]
OutcomeOf = Callable[[str], str | None]

# An earlier file with one of these ends has been told; a corrected file of the same version may follow it.
_OVER = frozenset({"incomplete", "refused", "quarantined"})


@dataclass(frozen=True, slots=True)
class _Stands:
    """The spec that stands for a version once the plan is carried out. ``fresh``: it comes from the inbox."""

    key: str
    name: str
    data: bytes
    fresh: bool


@dataclass(slots=True)
class Plan:
    """Steps in the order of their files, and the files that wait."""

    steps: list[journal.Step] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # name in rejected/ -> digest


@dataclass(slots=True)
class Desk:
    """One sitting over the inbox."""

    bucket: Bucket
    settings: Settings
    registered: Registered | None
    outcome_of: OutcomeOf | None
    plan: Plan = field(default_factory=Plan)
    shelf: Shelf = field(default_factory=lambda: Shelf({}, frozenset(), frozenset()))
    check: Checks = field(init=False)

    def __post_init__(self) -> None:
        self.check = Checks(self.settings)

    def decide(self, names: Sequence[str] | None, *, settle: bool) -> Plan:
        """Decide about every file of the inbox that is ready, or about those of ``names``."""
        wanted = None if names is None else frozenset(names)
        specs: dict[Release, list[SpecFile]] = defaultdict(list)
        overlays: dict[Release, list[OverlayFile]] = defaultdict(list)
        for entry in self.bucket.list("inbox"):
            if hidden(entry.name) or (wanted is not None and entry.name not in wanted):
                continue
            if settle and not self.bucket.settled(entry, self.settings.settle_seconds):
                self.plan.waiting.append(entry.name)
                continue
            match read_file(self.bucket, entry, self.settings.max_spec_bytes):
                case SpecFile() as file:
                    specs[file.spec.agent_id, file.spec.version].append(file)
                case OverlayFile() as file:
                    overlays[file.meant.id, file.meant.version].append(file)
                case BadFile() as file:
                    told = (*file.findings, *self.further(file))
                    self.refuse(entry, file.digest, told, outcome=file.outcome, overlay=file.overlay)
                case Waits(name):
                    self.plan.waiting.append(name)
        if specs or overlays:
            self.shelf = Shelf.of(self.bucket)
        releases = sorted({*specs, *overlays})
        stands = {r: self.specs(r, specs.get(r, []), overlay=r in overlays) for r in releases}
        for release in releases:
            self.overlays(release, overlays.get(release, []), stands[release])
        self.plan.steps.sort(key=lambda step: str(step["src"]))
        return self.plan

    # --- specs ----------------------------------------------------------------------------------------------------

    def specs(self, release: Release, group: list[SpecFile], *, overlay: bool) -> _Stands | None:
        """Decide about the specs of one id and version; which spec stands then, as far as overlays need to know."""
        entries = {e.name: e for e in self.shelf.specs.get(shelf.stem(release), ())}
        stored = {name: self.bucket.digest(f"specs/{name}") for name in entries}
        fresh: list[SpecFile] = []
        for file in group:
            if stored.get(f"{file.spec.slug}.yaml") == file.digest:
                self.plan.steps.append(journal.acceptance(file.entry, file.spec.partition, file.digest, "unchanged"))
            else:
                fresh.append(file)
        taken = self.fresh(release, fresh, stored, {file.digest: file for file in group})
        if taken is not None:
            for name, entry in entries.items():
                self.replace(release, name, entry, stored[name], taken)
            return _Stands(taken.spec.partition, taken.entry.name, taken.data, fresh=True)
        if not overlay or not entries:
            return None
        last = max(entries.values(), key=lambda e: (e.modified, e.name)).name
        path = f"specs/{last}"
        return _Stands(shelf.key_of(last), shelf.source_name(self.bucket, path), self.bucket.read(path), fresh=False)

    def fresh(
        self, release: Release, fresh: list[SpecFile], stored: dict[str, str], dropped: dict[str, SpecFile]
    ) -> SpecFile | None:
        """Accept or refuse the files whose bytes do not stand in ``specs/``; the one that was accepted.

        ``dropped``: every content of the version that is in the inbox, by digest.
        """
        rivals = self.rivals(release, stored) if fresh else []
        rivals += [
            ("dropped in the inbox at the same time", f"inbox/{file.entry.name}", digest)
            for digest, file in dropped.items()
        ]
        taken: SpecFile | None = None
        for file in fresh:
            against = [rival for rival in rivals if rival[2] != file.digest]
            # The same first eight digits, other bytes: the name in specs/ is taken for good.
            against += [
                ("accepted before", f"specs/{name}", digest)
                for name, digest in stored.items()
                if name == f"{file.spec.slug}.yaml" and not any(r[1] == f"specs/{name}" for r in against)
            ]
            if against:
                mine = (file.entry.name, file.digest)
                told = tuple(reports.conflict(release, mine, (name, digest), how) for how, name, digest in against)
                self.refuse(file.entry, file.digest, told)
            else:
                fate = "unchanged" if taken else "accepted"
                self.plan.steps.append(journal.acceptance(file.entry, file.spec.partition, file.digest, fate))
                taken = taken or file
        return taken

    def rivals(self, release: Release, stored: dict[str, str]) -> list[tuple[str, str, str]]:
        """What already holds this id and version: how it stands, its name, its digest."""
        rivals: list[tuple[str, str, str]] = []
        known = self.registered(*release) if self.registered else None
        if known is not None:
            name = next((n for n, digest in stored.items() if digest == known), None)
            rivals.append(("registered", f"specs/{name or f'{shelf.stem(release)}-{known[:8]}.yaml'}", known))
        for name, digest in stored.items():
            outcome = self.outcome_of(shelf.key_of(name)) if self.outcome_of else None
            if digest != known and outcome not in _OVER:
                rivals.append(("accepted before and not decided yet", f"specs/{name}", digest))
        return rivals

    def replace(self, release: Release, name: str, entry: Entry, digest: str, by: SpecFile) -> None:
        """A spec that did not get as far as the registry makes room for a corrected one of its version."""
        key = shelf.key_of(name)
        called = shelf.source_name(self.bucket, f"specs/{name}")
        outcome = (self.outcome_of(key) if self.outcome_of else None) or "not registered"
        finding = reports.replaced(release, called, (by.entry.name, by.digest), outcome)
        refused = self.rejected(called, digest, entry.size, (finding,))
        self.plan.steps.append(journal.replacement(refused, entry, key, by.spec.partition))

    # --- overlays -------------------------------------------------------------------------------------------------

    def overlays(self, release: Release, group: list[OverlayFile], stands: _Stands | None) -> None:
        """Decide about the overlays of one id and version, and about the one in force where its spec is new."""
        old = self.standing_overlay(release)
        contents = {file.digest: file for file in group}
        taken = False
        if len(contents) > 1:
            for file in group:
                mine = (file.entry.name, file.digest)
                others = [(f.entry.name, digest) for digest, f in contents.items() if digest != file.digest]
                told = tuple(reports.overlay_conflict(release, mine, other) for other in others)
                self.refuse(file.entry, file.digest, told, overlay=True)
        else:
            for file in group:  # the same bytes, if there are several
                taken = self.take_overlay(release, file, stands, old, again=taken) or taken
        if old is not None and not taken and stands is not None and stands.fresh:
            self.look_again(release, old, stands)

    def take_overlay(
        self, release: Release, file: OverlayFile, stands: _Stands | None, old: StoredOverlay | None, *, again: bool
    ) -> bool:
        """Accept one overlay, in force or waiting, or refuse it because it does not fit its spec."""
        faults = self.faults(stands, file.data, file.entry.name)
        if faults:
            self.refuse(file.entry, file.digest, faults, overlay=True)
            return False
        key = stands.key if stands else ""
        waits = "" if stands else self.waits(release)
        unchanged = again or (old is not None and old.digest == file.digest)
        older = "" if unchanged or shelf.stem(release) not in self.shelf.overlays else shelf.overlay_path(release)
        digest = self.bucket.digest(older) if older else ""
        self.plan.steps.append(
            journal.overlay(file.entry, file.digest, release, key, waits, changed=not unchanged, older=digest)
        )
        return True

    def standing_overlay(self, release: Release) -> StoredOverlay | None:
        """The overlay that stands for an id and version, as it was accepted."""
        if shelf.stem(release) not in self.shelf.overlays:
            return None
        try:
            return shelf.read_overlay(self.bucket, release)
        except BucketError:
            return None  # changed by hand: whoever builds its spec is told; another one may take its place

    def look_again(self, release: Release, old: StoredOverlay, stands: _Stands) -> None:
        """An overlay that stood there before its spec did: it is in force now, or does not fit and goes."""
        faults = self.faults(stands, old.data, old.name)
        path = shelf.overlay_path(release)
        entry = self.bucket.stat(path)
        if faults and entry is not None:
            refused = self.rejected(old.name, old.digest, entry.size, faults)
            step = journal.refusal(refused, path, entry, outcome="refused", overlay=True)
            self.plan.steps.append(step)
        else:
            report = journal.overlay_report(old.name, old.digest, release, stands.key)
            acceptance = next(s for s in self.plan.steps if s.get("key") == stands.key and s["fate"] == "accepted")
            acceptance["writes"].append(report)

    def faults(self, stands: _Stands | None, data: bytes, name: str) -> tuple[Diagnostic, ...]:
        """What is wrong with an overlay for the spec that stands; nothing while there is none."""
        if stands is None:
            return ()
        try:
            return self.check.faults(SpecSource(stands.name, stands.data, data, name))
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            return (reports.our_fault(error),)

    def further(self, file: BadFile) -> tuple[Diagnostic, ...]:
        """What else is wrong with a spec than its form."""
        if file.draft is None:
            return ()
        try:
            return self.check.further(file.draft, file.findings)
        except Exception as error:  # noqa: BLE001 - one file must not stop the others
            return (reports.our_fault(error),)

    def waits(self, release: Release) -> str:
        """What an overlay without a spec waits for, and what is there instead."""
        agent_id, version = release
        known = {identity(shelf.key_of(e.name)) for entries in self.shelf.specs.values() for e in entries}
        known |= {identity(step["key"]) for step in self.plan.steps if step["fate"] == "accepted"}
        text = f"waits for the spec {agent_id} {version}, which is not in specs/: drop the spec"
        if shelf.stem(release) in self.shelf.seen:
            return f"waits for the spec {agent_id} {version}, which was refused: drop the spec again"
        same = sorted(v for i, v in known if i == agent_id)
        near = get_close_matches(agent_id, sorted({i for i, _ in known}), n=1, cutoff=0.8)
        if same:
            text += f"; of this id there is {', '.join(same[:5])}"
        elif near:
            text += f"; or mend `spec.id` if {near[0]} is meant"
        return text

    # --- refusing -------------------------------------------------------------------------------------------------

    def refuse(
        self,
        entry: Entry,
        digest: str,
        diagnostics: tuple[Diagnostic, ...],
        *,
        outcome: str = "refused",
        overlay: bool = False,
    ) -> None:
        """A file of the inbox goes to ``rejected/``."""
        refused = self.rejected(entry.name, digest, entry.size, diagnostics)
        step = journal.refusal(refused, f"inbox/{entry.name}", entry, outcome=outcome, overlay=overlay)
        self.plan.steps.append(step)

    def rejected(self, name: str, digest: str, size: int, diagnostics: tuple[Diagnostic, ...]) -> Refused:
        """A refused file under a name that is free in ``rejected/``."""
        stored = rejected_name(self.bucket, name, digest, size, self.plan.taken)
        self.plan.taken[stored] = digest
        return Refused(name, stored, digest, diagnostics)


def rejected_name(bucket: Bucket, name: str, digest: str, size: int, taken: dict[str, str]) -> str:
    """``name``, or with eight digits of the digest if other bytes have that name, or a report could want it."""
    if not name.endswith((".report.md", ".report.json")) and taken.get(name, digest) == digest:
        standing = bucket.stat(f"rejected/{name}")
        if standing is None:
            return name
        digest = digest or bucket.digest(f"inbox/{name}")
        if standing.size == size and bucket.digest(f"rejected/{name}") == digest:
            return name
    digest = digest or bucket.digest(f"inbox/{name}")
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.{digest[:8]}.{ending}" if dot else f"{name}.{digest[:8]}"
