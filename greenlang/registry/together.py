"""Writes that arrive together are carried out together: in one transaction, with one wait for the disk.

While a transaction of a tenant is on its way, writes that arrive queue up; they are the next one. Nobody waits for
others to come. What each is told, it is told after the commit:

- a write that is refused, or fails, takes no other with it: its part is rolled back to a savepoint;
- where the transaction fails as a whole (the database went away, or no longer answers), every write of it fails, and
  nothing is written;
- one for which there is no room in the queue is refused: RegistryError.

A kind of write is a function over many: ``kind(connection, [(caller, item), ...])`` gives for each item its result, or
the exception that it is refused with, having written nothing for it. Callers are of one tenant. Where it raises, it is
called again for each item alone, so all that it does is in the transaction.

Belongs here: the queue, the transaction, whose exception is whose. Does not belong here: kinds of writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.engine import Connection

from greenlang.errors import RegistryError
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.schema import one_at_a_time

if TYPE_CHECKING:
    from greenlang.registry.database import Database

Item = TypeVar("Item")
Result = TypeVar("Result")
Kind = Callable[[Connection, Sequence[tuple[Caller, Item]]], Sequence[Result | Exception]]

MOST = 100  # writes in one transaction
WAITING = 1000  # writes of a tenant that wait for theirs, at most: a database that hangs does not say so
_CANCELED = "57014"  # PostgreSQL: a statement took too long; alone it would do so again


@dataclass(slots=True, eq=False)
class _Write:
    caller: Caller
    kind: Kind[Any, Any]
    item: Any
    future: Future[Any] = field(default_factory=Future)


class Together:
    """The writes of one process to one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.renew()

    def renew(self) -> None:
        """Forget what is under way, as a forked process does: what its parent has begun is its parent's."""
        self._lock = Lock()
        self._waiting: dict[str, deque[_Write]] = {}  # by tenant; it has a queue while somebody carries its writes out

    def write(self, caller: Caller, kind: Kind[Item, Result], item: Item) -> Result:
        """Carry a write out, on this thread if nobody is at work for the tenant. Raises what the kind refuses with."""
        write = _Write(caller, kind, item)
        if self._queued(write):
            self._carry_out(caller.tenant, once=True)
        result: Result = write.future.result()
        return result

    def begin(self, caller: Caller, kind: Kind[Item, Result], item: Item) -> Future[Result]:
        """The same on another thread, for whoever cannot wait on this one."""
        write = _Write(caller, kind, item)
        if self._queued(write):
            self._go_on(caller.tenant)
        return write.future

    def _queued(self, write: _Write) -> bool:
        """Queue it; whether whoever brought it has to see that it is carried out."""
        with self._lock:
            queue = self._waiting.get(write.caller.tenant)
            if queue is not None:
                if len(queue) >= WAITING:
                    raise RegistryError(f"{WAITING:,} writes of {write.caller.tenant} wait for the registry: try later")
                queue.append(write)
                return False
            self._waiting[write.caller.tenant] = deque([write])
            return True

    def _go_on(self, tenant: str) -> None:
        thread = Thread(target=self._carry_out, args=(tenant,), name="greenlang-writes", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left
            self._carry_out(tenant)

    def _carry_out(self, tenant: str, *, once: bool = False) -> None:
        """Carry out what is queued until nothing is. ``once``: another thread goes on where there is more."""
        while taken := self._next(tenant):
            # nobody waits for a write that was cancelled before it began
            self._transaction(tenant, [write for write in taken if write.future.set_running_or_notify_cancel()])
            if once and self._waiting[tenant]:
                self._go_on(tenant)
                return

    def _next(self, tenant: str) -> list[_Write]:
        with self._lock:
            queue = self._waiting[tenant]
            if not queue:
                del self._waiting[tenant]
            return [queue.popleft() for _ in range(min(MOST, len(queue)))]

    def _transaction(self, tenant: str, writes: Sequence[_Write]) -> None:
        done: list[tuple[_Write, Any]]
        try:
            with self._database.transaction(Caller(tenant, "together"), write=True) as connection:
                results = self._results(connection, tenant, writes)
                done = list(zip(writes, results, strict=True))
        except BaseException as error:  # noqa: BLE001 - it is raised where each of them is waited for
            done = [(write, error) for write in writes]
        for write, result in done:
            if isinstance(result, BaseException):
                write.future.set_exception(result)
            else:
                write.future.set_result(result)

    def _results(self, connection: Connection, tenant: str, writes: Sequence[_Write]) -> list[Any]:
        """What became of each write; of one alone without a savepoint."""
        if len(writes) == 1:
            return [*writes[0].kind(connection, [(writes[0].caller, writes[0].item)])]
        one_at_a_time(connection, "together", tenant)  # two of them would lock rows in two orders
        kinds: dict[Kind[Any, Any], list[int]] = {}
        for place, write in enumerate(writes):
            kinds.setdefault(write.kind, []).append(place)
        results: list[Any] = [None] * len(writes)
        for kind, places in kinds.items():
            items = [(writes[place].caller, writes[place].item) for place in places]
            for place, result in zip(places, self._of_kind(connection, kind, items), strict=True):
                results[place] = result
        return results

    def _of_kind(
        self, connection: Connection, kind: Kind[Any, Any], items: Sequence[tuple[Caller, Any]]
    ) -> Sequence[Any]:
        """All at once; where that fails each by itself, and only those that fail then have failed."""
        try:
            with audit.undone_if_it_fails(connection):
                return kind(connection, items)
        except Exception as error:
            if connection.invalidated or getattr(getattr(error, "orig", None), "pgcode", "") == _CANCELED:
                raise
            if len(items) == 1:
                return [self._database.told(error)]
        return [result for item in items for result in self._of_kind(connection, kind, [item])]
