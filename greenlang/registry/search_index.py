"""The index behind the search for agents: made from the registry's rows, and never the truth about anything.

It lies on disk beside the registry, where processes share it: readers wait for nobody, writers for each other. How far
it is for a tenant stands in it as the head of that tenant's audit chain, in the same commit: an index of another
database, of one that was restored, or of nothing, is seen and made anew. What it holds tells which rows to read, and
nothing else is ever shown from it.

Belongs here: documents, keeping them up to date. Does not belong here: what a query means (`search`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select

from greenlang.errors import GreenlangError, RegistryError
from greenlang.provenance import bytes_digest
from greenlang.registry.caller import Caller
from greenlang.registry.choice import evidence, is_placeholder, latest
from greenlang.registry.database import Database, shown
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.search_words import unit, words
from greenlang.registry.steps import RANK
from greenlang.registry.tables import AuditHeadRow, AuditRow

if TYPE_CHECKING:
    from tantivy import DocAddress, Document, Index, IndexWriter, Schema, Searcher

    from greenlang.registry.store import Registry

FORMAT = 1  # raise it when documents, or the words of a text, are made otherwise
TEXTS = ("id", "name", "what", "text")  # from the most telling to the least
RULES = "rules"  # words of regulations and tags
LATEST = "*"  # in `latest`: of all versions; a state there: of those in it
_SEPARATOR = "\x1f"
_HEAP = 20_000_000  # bytes that one writer may hold
_PATIENCE = 30.0  # seconds to wait for another process that writes the index
_LATE = 1.0  # seconds by which a view may lag behind while another thread updates the index
_EVENTS = 5000  # more events than that are not read one by one


class Key(NamedTuple):
    """Which row a document was made from."""

    tenant: str
    agent_id: str
    version: str


class Head(NamedTuple):
    """How far a tenant's audit chain is."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class View:
    """The index as it stood at one moment."""

    searcher: Searcher
    schema: Schema
    heads: dict[str, Head]
    known: dict[tuple[int, int], Key]
    used: dict[tuple[str, str], int]  # (field, word) that stands somewhere -> in how many documents

    def holds(self, heads: dict[str, Head]) -> bool:
        """Whether it is as far as these chains."""
        return all(self.heads.get(tenant) == head for tenant, head in heads.items())

    def frequency(self, field: str, word: str) -> int:
        """In how many documents a word stands."""
        found = self.used.get((field, word))
        if found is None:
            found = min(self.searcher.doc_freq(field, word), self.searcher.num_docs)
            if found:  # what nobody uses is endless
                self.used[field, word] = found
        return found

    def keys(self, places: Sequence[DocAddress]) -> list[Key]:
        """Which rows these documents were made from."""
        found = []
        for place in places:
            at = (place.segment_ord, place.doc)
            key = self.known.get(at)
            if key is None:
                key = self.known[at] = Key(*str(self.searcher.doc(place).get_first("key")).split(_SEPARATOR))
            found.append(key)
        return found


class SearchIndex:
    """One index for all tenants of a database. Threads may share it, and processes may share the folder.

    ``folder`` is where indexes lie; without it that is `search` beside an SQLite file. ``resident`` keeps the index in
    memory, as does a registry without any folder: for a process that stays, which pays for building it once, and then
    a tenth of what a write to a disk costs.
    """

    def __init__(self, database: Database, folder: Path | None = None, *, resident: bool = False) -> None:
        self._database = database
        self._folder = folder
        self._resident = resident
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._view: View | None = None
        self._seen: dict[str, float] = {}  # tenant -> when the view was last known to hold all that there was

    def current(self, registry: Registry) -> tuple[View, bool]:
        """A view of the index that holds what the caller of ``registry`` could read when this was called.

        While another thread brings the index up to date it may be a view that did so less than a second ago; then the
        second value is true: it is late. Raises RegistryError where the index can be neither read nor written.
        """
        heads = _heads(registry)
        if self._pid != os.getpid():  # forked: threads and locks of the parent are not ours
            self._start()
        now, view = time.monotonic(), self._view
        if view is None or not view.holds(heads):
            late = view is None or any(now - self._seen.get(tenant, -math.inf) > _LATE for tenant in heads)
            if not self._lock.acquire(blocking=late):
                assert view is not None
                return view, True
            try:
                view = self._updated(registry)
            finally:
                self._lock.release()
        self._seen.update(dict.fromkeys(heads, now))
        return view, False

    def _updated(self, registry: Registry) -> View:
        heads = _heads(registry)  # again: while this thread waited, the view may have overtaken what it knew
        try:
            view = self._view or self._looked()
            if not view.holds(heads):
                view = self._looked()  # what another process wrote
            if not view.holds(heads):
                view = self._written(registry)
        except GreenlangError:
            raise
        except (ValueError, OSError) as error:  # tantivy raises ValueError for all that it meets on a disk
            raise RegistryError(f"the search index {self._place() or 'in memory'} cannot be used: {error}") from error
        return view

    def _place(self) -> Path | None:
        """The folder of this database's index."""
        file = self._database.file
        folder = self._folder or (file.parent / "search" if file is not None else None)
        name = bytes_digest(f"{FORMAT} {version('tantivy')} {shown(self._database.url)}".encode())[:16]
        return None if folder is None or self._resident else folder / name

    def _looked(self) -> View:
        """The index as it stands."""
        from tantivy import Query

        if self._index is None:
            self._index = _opened(self._place())
        self._index.reload()
        searcher, schema = self._index.searcher(), self._index.schema
        found = searcher.search(Query.term_query(schema, "kind", "head"), max(1, searcher.num_docs), count=False)
        rows = [json.loads(str(searcher.doc(place).get_first("head"))) for _, place in found.hits]
        heads = {row["tenant"]: Head(row["number"], row["digest"]) for row in rows}
        self._view = View(searcher, schema, heads, {}, {})
        return self._view

    def _written(self, registry: Registry) -> View:
        """The index, brought up to the rows of every tenant that the caller reads."""
        assert self._index is not None
        writer = _writer(self._index)
        try:
            view = self._looked()  # another process may have written while we waited for our turn
            for tenant in _tenants(registry):
                _write_tenant(writer, view, registry.as_caller(Caller(tenant, "search")))
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        finally:
            writer.wait_merging_threads()  # and with it the writer's lock falls
        return self._looked()


def _write_tenant(writer: IndexWriter, view: View, registry: Registry) -> None:
    tenant = registry.caller.tenant
    head = _heads(registry).get(tenant)  # before the rows: what comes between is read now, and once more the next time
    standing = view.heads.get(tenant)
    if head == standing or head is None:
        return
    changed = _changed(registry, standing, head) if standing is not None else None
    if changed is None:
        writer.delete_documents_by_term("tenant", tenant)
    else:
        for agent_id in changed:
            writer.delete_documents_by_term("agent", _SEPARATOR.join((tenant, agent_id)))
    if changed is None or changed:
        for document in _documents(registry.own(changed)):
            writer.add_document(document)
    writer.delete_documents_by_term("head_of", tenant)
    writer.add_document(_head_document(tenant, head))


# --- tantivy ---------------------------------------------------------------------------------------------------------


def _schema() -> Schema:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("head", stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("kind", "tenant", "head_of", "agent", "agent_id", "latest", "state", "domain", "capability", "unit"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in (*TEXTS, RULES):
        builder.add_text_field(name, tokenizer_name="whitespace")
    builder.add_unsigned_field("worth", fast=True)
    return builder.build()


def _opened(folder: Path | None) -> Index:
    from tantivy import Index

    schema = _schema()
    if folder is None:
        return Index(schema)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        index = Index(schema, path=str(folder), reuse=True)
    except ValueError:  # not an index, or one that was cut off: it is made from the registry again
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        index = Index(schema, path=str(folder), reuse=True)
    index.config_reader("manual")
    return index


def _writer(index: Index) -> IndexWriter:
    """The one writer of the index. Waits for another process to be done with it; its lock falls when it ends."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return index.writer(_HEAP, 1)
        except ValueError as error:
            if "LockBusy" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _documents(entries: Iterable[RegistryEntry]) -> Iterable[Document]:
    """Documents of entries that come agent by agent."""
    for _, of_agent in groupby(entries, key=lambda entry: entry.agent_id):
        versions = list(of_agent)
        first = {state: latest(e for e in versions if e.state == state) for state in {e.state for e in versions}}
        best = latest(versions)
        for entry in versions:
            yield _document(entry, [LATEST] * (entry is best) + [entry.state] * (entry is first[entry.state]))


def _document(entry: RegistryEntry, latest_of: list[str]) -> Document:
    from tantivy import Document

    made = Document()
    made.add_text("kind", "entry")
    made.add_text("key", _SEPARATOR.join((entry.tenant, entry.agent_id, entry.version)))
    made.add_text("tenant", entry.tenant)
    made.add_text("agent", _SEPARATOR.join((entry.tenant, entry.agent_id)))
    made.add_text("agent_id", entry.agent_id)
    made.add_text("state", entry.state)
    made.add_text("domain", plain(entry.domain))
    for state in latest_of:
        made.add_text("latest", state)
    for capability in entry.capabilities:
        made.add_text("capability", plain(capability))
    for one in entry.units:
        made.add_text("unit", unit(one))
    for rule in (*entry.regulations, *entry.tags):
        made.add_text(RULES, " ".join(words(rule)))
    ports = (*entry.outputs, *entry.inputs)
    texts = {
        "id": (entry.agent_id,),
        "name": (entry.name,),
        "what": (*entry.capabilities, *entry.regulations, *entry.units),
        "text": (entry.summary, entry.domain, *(port.name for port in entry.inputs), *(p.description for p in ports)),
    }
    for name, parts in texts.items():
        for part in parts:
            made.add_text(name, " ".join(words(part)))
    made.add_unsigned("worth", worth(entry))
    return made


def _head_document(tenant: str, head: Head) -> Document:
    from tantivy import Document

    made = Document()
    made.add_text("kind", "head")
    made.add_text("head_of", tenant)
    made.add_text("head", json.dumps({"tenant": tenant, **head._asdict()}))
    return made


def worth(entry: RegistryEntry) -> int:
    """What an entry is worth whatever is asked: see `CLASS`; within a class by lifecycle, then by evidence."""
    texts = (entry.name, entry.summary)
    place = 0 if entry.yanked or entry.state == "retired" else 1 if any(map(is_placeholder, texts)) else 2
    judged = evidence(entry.score, entry.tests_passed, entry.tests_total, *texts)
    return place * CLASS + 10 * RANK[entry.state] + judged


CLASS = 100  # worth // CLASS is 2; 1 where name or summary says nothing; 0 what was yanked or retired


def plain(text: str) -> str:
    """A name as filters compare it: case, ``-``, ``_`` and blanks do not matter."""
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())


# --- what changed ----------------------------------------------------------------------------------------------------


def _tenants(registry: Registry) -> tuple[str, ...]:
    return registry.caller.readable if not registry.database.embedded else (registry.caller.tenant,)


_HEADS = select(AuditHeadRow.tenant, AuditHeadRow.number, AuditHeadRow.digest).where(
    AuditHeadRow.tenant.in_(bindparam("tenants", expanding=True))
)


def _heads(registry: Registry) -> dict[str, Head]:
    """The ends of the chains of every tenant that the caller reads; a tenant without one has nothing."""
    with registry.transaction() as connection:
        rows = connection.execute(_HEADS, {"tenants": registry.caller.readable})
        return {row.tenant: Head(row.number, row.digest) for row in rows}


def _changed(registry: Registry, since: Head, until: Head) -> list[str] | None:
    """The agents that something happened to; None where the chain does not go on from there, or is too long to read."""
    if not 0 <= until.number - since.number <= _EVENTS:
        return None
    of_tenant = AuditRow.tenant == registry.caller.tenant
    with registry.transaction() as connection:
        there = connection.execute(select(AuditRow.digest).where(of_tenant, AuditRow.number == since.number))
        if there.scalar_one_or_none() != since.digest:
            return None
        subjects = connection.execute(
            select(AuditRow.subject).distinct().where(of_tenant, AuditRow.number > since.number)
        ).scalars()
        return sorted({agent_id for agent_id, at, _ in (subject.partition("@") for subject in subjects) if at})
