"""One call of `AgentFactory`, in a process of its own (`main`).

A batch in the caller's process could be neither stopped nor timed out, and its worker processes would run the caller's
script again. Here the caller holds one end of two pipes: what is to be done comes in on standard input as a pickle,
what came of it goes out on another descriptor. When standard input closes, the call is taken back: workers end, the
specs that only this call had brought leave the factory (they lie in ``rejected/`` with the reason, as every file that
is not taken), and nothing that is half done stays.

Belongs here: the work of one call, and taking it back. Does not belong here: the caller's side (``sdk``), the line.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import shutil
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, cast

from greenlang.factory.source import SpecSource
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.bucket import Bucket
    from greenlang.factors.table import FactorTable
    from greenlang.factory.outcome import AgentOutcome
    from greenlang.factory.validators import QualityResult

Fate = Literal["registered", "incomplete", "refused", "quarantined", "infrastructure", "generated"]
SIZE = 8  # bytes before the pickle that say how long it is
_DOCUMENTS = ("README.md", "CHANGELOG.md", "docs/", "demos/")
UNDONE = "the caller took the call back before the agent was done"


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done. ``keys`` are the specs' partition keys, in the order of ``sources``."""

    settings: Settings
    keys: tuple[str, ...]
    sources: tuple[SpecSource, ...]
    workers: int
    tests: bool = True
    documents: bool = True
    judge: bool = True

    @property
    def whole(self) -> bool:
        """Whether everything is asked for that a registered agent has."""
        return self.tests and self.documents and self.judge


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one spec."""

    fate: Fate
    reason: str
    package: str = ""
    files: Mapping[str, str] | None = None
    pack: Path | None = None
    validation: QualityResult | None = None
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0.0


class TakenBack(BaseException):
    """The caller has gone, or wants no more of it."""


def main(descriptor: int) -> None:
    """Do the errand that stands on standard input; answer ("done", results) or ("raised", error)."""
    signal.signal(signal.SIGTERM, _taken_back)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer = Connection(descriptor, readable=False)
    ask = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # whoever prints must not print into the answer
    size = int.from_bytes(ask.read(SIZE), "big")
    errand: Errand = pickle.loads(ask.read(size))  # noqa: S301 - from the process that started this one
    threading.Thread(target=_watch, args=(ask, threading.main_thread().ident), daemon=True).start()
    try:
        answer.send(("done", _done(errand)))
    except TakenBack:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except Exception as error:  # noqa: BLE001 - it is raised again where the call was made
        answer.send(("raised", error))


def _taken_back(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise TakenBack


def _watch(ask: Any, main_thread: int) -> None:
    """Wait until standard input closes. The signal goes to the main thread, which may be waiting for something."""
    while ask.read(1):
        pass
    signal.pthread_kill(main_thread, signal.SIGTERM)


def _done(errand: Errand) -> list[Done]:
    """What came of each spec, in their order; the same spec may stand there twice."""
    if errand.whole:
        found = _through_the_line(errand)
        return [found[key] for key in errand.keys]
    from greenlang.factors.table import FactorTable

    table = FactorTable.in_force(errand.settings.tables)
    return [_drafted(errand, source, table) for source in errand.sources]


# --- the whole line -----------------------------------------------------------------------------------------------


def _through_the_line(errand: Errand) -> dict[str, Done]:
    from greenlang.bucket import Bucket
    from greenlang.factory.inbox.shelf import accepted_keys

    settings = errand.settings
    settings.var.mkdir(parents=True, exist_ok=True)
    bucket = Bucket.open(settings.bucket_address)
    before = frozenset(accepted_keys(bucket))
    pairs = zip(errand.keys, errand.sources, strict=True)
    names = _names([source for key, source in pairs if key not in before or not _stands(bucket, key, source)])
    started = datetime.now(UTC).replace(tzinfo=None)
    try:
        for name, data in names.items():
            bucket.write(f"inbox/{name}", data)
        outcomes = _outcomes(errand, list(names))
        return _told(errand, outcomes, started)
    except TakenBack:
        take_back(settings, [key for key in errand.keys if key not in before], list(names))
        raise


def _stands(bucket: Bucket, key: str, source: SpecSource) -> bool:
    """Whether these very bytes, with this overlay, were accepted before."""
    from greenlang.factory.inbox.shelf import read_accepted

    standing = read_accepted(bucket, key)
    return (standing.data, standing.overlay) == (source.data, source.overlay)


def _names(sources: Sequence[SpecSource]) -> dict[str, bytes]:
    """Name in the inbox -> content, of specs and overlays."""
    from greenlang.specs.overlay import overlay_name

    names: dict[str, bytes] = {}
    for source in sources:
        names[source.name] = source.data
        if source.overlay is not None:
            names[overlay_name(source.name)] = source.overlay
    return names


def _outcomes(errand: Errand, names: list[str]) -> dict[str, AgentOutcome]:
    """Partition key -> outcome. Specs that were through the line before are looked at again, by their keys."""
    key_of = {source.name: key for key, source in zip(errand.keys, errand.sources, strict=True)}
    told = {key_of[o.file]: o for o in _batch(errand, files=names) if o.file in key_of} if names else {}
    left = [key for key in dict.fromkeys(errand.keys) if key not in told]
    return told | ({o.key: o for o in _batch(errand, files=(), keys=left)} if left else {})


def _batch(errand: Errand, **asked: Any) -> list[AgentOutcome]:
    from greenlang.factory import line

    stages = line.run_batch(errand.settings, entrance="python", workers=errand.workers, settle=False, **asked)
    with contextlib.closing(cast("Generator[Any]", stages)):  # whatever happens here, the lock is given back
        return [stage.agent for stage in stages if stage.agent is not None]


def _told(errand: Errand, outcomes: Mapping[str, AgentOutcome], started: datetime) -> dict[str, Done]:
    from greenlang.factory.naming import package_name
    from greenlang.metrics.query import query

    settings = errand.settings
    paid = query(
        settings,
        "SELECT partition, sum(cost_usd) FROM llm_usage WHERE created_at >= $started GROUP BY ALL",
        {"started": started},
    )
    costs = dict(paid.rows)
    found: dict[str, Done] = {}
    for key, source in zip(errand.keys, errand.sources, strict=True):
        outcome = outcomes[key]
        good = outcome.outcome == "registered"
        spec, _ = source.read(settings.max_spec_bytes)
        pack = settings.packs / _slug(key) if good else None
        package = package_name(spec) if spec is not None and good else ""
        found[key] = Done(
            outcome.outcome,
            "" if good else outcome.reason,
            package,
            _texts(pack) if pack is not None else {},
            pack,
            _judged(settings, outcome),
            costs.get(key, Decimal(0)),
            outcome.seconds,
        )
    return found


def _judged(settings: Settings, outcome: AgentOutcome) -> QualityResult:
    """The judgement of the line, from the report that it wrote."""
    from greenlang.factory.reporting import JSON, folder_of
    from greenlang.factory.validators import QualityResult
    from greenlang.quality.report import from_json

    path = settings.var / folder_of(outcome.key) / JSON
    judged = outcome.score is not None and path.is_file()
    if judged:
        return QualityResult.of(from_json(path.read_bytes()), outcome.diagnostics)
    errors = [d.text(outcome.file) for d in outcome.diagnostics if d.severity == "error"]
    warnings = [d.text(outcome.file) for d in outcome.diagnostics if d.severity == "warning"]
    return QualityResult.unjudged(errors or [outcome.reason], warnings)


def _texts(pack: Path) -> dict[str, str]:
    """The files of a pack that are text, by their paths in it."""
    found = {}
    for path in sorted(p for p in pack.rglob("*") if p.is_file()):
        with contextlib.suppress(UnicodeDecodeError):
            found[path.relative_to(pack).as_posix()] = path.read_text(encoding="utf-8")
    return found


# --- without tests, documents or judgement ------------------------------------------------------------------------


def _drafted(errand: Errand, source: SpecSource, table: FactorTable) -> Done:
    """The files of an agent, and nothing registered: no agent is without tests, documents and a judgement."""
    from greenlang.factory.generate import generate
    from greenlang.factory.naming import package_name
    from greenlang.factory.validators import QualityResult
    from greenlang.formulas.library import library
    from greenlang.resolution.resolve import resolve

    settings = errand.settings
    begin = perf_counter()
    spec, findings = source.read(settings.max_spec_bytes)
    if spec is not None:
        resolution = resolve(spec, table, library())
        findings = (*findings, *resolution.diagnostics)
    errors = [d.text(source.name) for d in findings if d.severity == "error"]
    if spec is None or errors:
        return Done("refused", errors[0], validation=QualityResult.unjudged(errors), seconds=perf_counter() - begin)
    if not resolution.complete:
        missing = [f"no certain plan for {m.output}: {m.reason}" for m in resolution.missing]
        told = QualityResult.unjudged(missing)
        return Done("incomplete", missing[0], validation=told, seconds=perf_counter() - begin)
    left_out = (*(() if errand.tests else ("tests/",)), *(() if errand.documents else _DOCUMENTS))
    files = {name: data.decode() for name, data in generate(resolution).items() if not name.startswith(left_out)}
    why = _why(errand)
    judged = QualityResult.unjudged([why])
    return Done("generated", why, package_name(spec), files, None, judged, seconds=perf_counter() - begin)


def _why(errand: Errand) -> str:
    lacking = [
        what
        for there, what in ((errand.tests, "tests"), (errand.documents, "documents"), (errand.judge, "validation"))
        if not there
    ]
    return f"not registered: {' and '.join(lacking)} were left out, and no agent is registered without"


# --- taking back --------------------------------------------------------------------------------------------------


def take_back(settings: Settings, keys: list[str], names: list[str]) -> None:
    """Undo what a call that was stopped had begun. ``keys`` are the specs that it brought, ``names`` its files.

    What was done before the stop stays: an agent that is registered, an outcome that is recorded. Where another batch
    is at work, it has the specs in hand, and they are left to it.
    """
    from greenlang.bucket import Bucket
    from greenlang.factory.build import clear_leftovers
    from greenlang.factory.inbox import journal
    from greenlang.factory.inbox.shelf import spec_path
    from greenlang.factory.intake import reject_later, take_in
    from greenlang.metrics import MetricsStore
    from greenlang.registry import Caller, Registry
    from greenlang.specs.diagnostics import Diagnostic
    from greenlang.specs.model import identity

    bucket = Bucket.open(settings.bucket_address)
    with journal.alone(settings):
        for name in names:
            entry = bucket.stat(f"inbox/{name}")
            if entry is not None:
                bucket.move(f"inbox/{name}", f"rejected/{name}", etag=entry.etag)
    with _alone_now(settings) as alone:
        if not alone:
            return
        take_in(bucket, settings, (), hold=True)  # finishes what was half moved
        settings.packs.mkdir(parents=True, exist_ok=True)
        clear_leftovers(settings)
        decided = {row["key"] for row in MetricsStore(settings).outcomes()}
        caller = Caller(settings.tenant, "factory")  # as the line registers
        with Registry(settings.registry, caller=caller, keys=settings.keys) as registry:
            registered = registry.spec_digests()
        told = Diagnostic("GLS078", "error", UNDONE, "drop it again, or generate it again")
        for key in keys:
            if key in decided or identity(key) in registered or not bucket.exists(spec_path(key)):
                continue
            _remove(settings, key)
            reject_later(bucket, key, f"{_slug(key)}.yaml", (told,), outcome="withdrawn")


def _remove(settings: Settings, key: str) -> None:
    """Whatever a worker had written of an agent that nobody knows of."""
    from greenlang.factory.attest import envelope_path
    from greenlang.factory.reporting import folder_of
    from greenlang.quality.repair import dossier

    pack = settings.packs / _slug(key)
    shutil.rmtree(pack, ignore_errors=True)
    envelope_path(pack).unlink(missing_ok=True)
    shutil.rmtree(settings.var / folder_of(key), ignore_errors=True)
    dossier.clear(settings.var / "dossiers", key)


@contextlib.contextmanager
def _alone_now(settings: Settings) -> Iterator[bool]:
    """As the line's own lock, without waiting; whether it was had."""
    with (settings.var / "batch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _slug(key: str) -> str:
    from greenlang.specs.model import slug

    return slug(key)
