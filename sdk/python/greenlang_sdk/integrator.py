"""The integrator pattern: records from a source, checked and transformed, into a sink, in batches.

Belongs here: the order of things, the cursor, what is wrong with single records. Does not belong here: connections to
systems (they are sources and sinks) and trying again (that is the caller's, with the cursor of the report).
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import Field, ValidationError

from greenlang_sdk.decimals import calculation
from greenlang_sdk.errors import AgentError, CanonicalError, InvalidInput, Several, Unavailable, UserMistake
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext, mistakes
from greenlang_sdk.models import AgentInput, AgentOutput, Record, Text, Truth

RecordT = TypeVar("RecordT", bound=Record)
SentT = TypeVar("SentT", bound=Record)
SinkT_contra = TypeVar("SinkT_contra", bound=Record, contravariant=True)


class Source(Protocol):
    """Where records come from."""

    def read(self, after: str) -> Iterable[tuple[str, Mapping[str, object]]]:
        """(cursor, record) pairs behind a cursor, "" for the beginning; the same order every time.

        Raises Unavailable, or Python's own ConnectionError or TimeoutError, if the source does not answer now.
        """


class Sink(Protocol[SinkT_contra]):
    """Where records go."""

    def write(self, records: Sequence[SinkT_contra]) -> None:
        """Take a batch. It may come twice (the run died before its report), so writing twice is writing once.

        Raises what a source raises if the sink does not answer now.
        """


class Transfer(AgentInput):
    """From which cursor on, and how many records at most."""

    after: Text = Field(default="", description="the cursor of an earlier report; empty for the beginning")
    limit: int | None = Field(default=None, ge=1, description="records to read at most")


class RecordError(Record):
    """What is wrong with one record: its cursor, and the error as in `AgentError`."""

    cursor: Text
    code: Text
    field: Text
    message: Text


class TransferReport(AgentOutput):
    """What was done: read = written + left_out + rejected. The next run starts ``after`` the cursor."""

    read: int = 0
    written: int = 0
    left_out: int = Field(default=0, description="the transformation had nothing to send")
    rejected: int = Field(default=0, description="records with errors")
    cursor: Text
    finished: Truth = Field(description="the source is known to have no more records")
    errors: tuple[RecordError, ...] = ()
    errors_not_listed: int = 0


@dataclass(slots=True)
class _Batch(Generic[SentT]):
    cursor: str
    read: int = 0
    rejected: int = 0
    sent: list[SentT] = field(default_factory=list)
    errors: list[RecordError] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)  # what is sent, as canonical JSON

    def summary(self) -> dict[str, object]:
        """What stands in the calculation chain: counts, and the SHA-256 of what is sent."""
        return {
            "cursor": self.cursor,
            "read": self.read,
            "rejected": self.rejected,
            "sent": len(self.sent),
            "sha256": hashlib.sha256(b"\n".join(self.lines)).hexdigest(),
        }


class IntegratorAgent(AgentSpecV2Base[Transfer, TransferReport], Generic[RecordT, SentT]):
    """An agent that brings records from a source into a sink.

    A subclass declares ``record_model``, by which every record is checked, and writes `transform`. Records with errors
    are listed in the report and stop nothing. The cursor moves when the sink has taken a batch; a source or sink that
    is unavailable ends the run with that error and the report so far.
    """

    input_model = Transfer
    output_model = TransferReport
    record_model: type[RecordT]
    batch_size: ClassVar[int] = 500
    max_errors: ClassVar[int] = 1000  # listed; all are counted
    declared = (*AgentSpecV2Base.declared, "record_model")

    def __init__(self, source: Source, sink: Sink[SentT]) -> None:
        super().__init__()
        self.source = source
        self.sink = sink

    @abstractmethod
    def transform(self, record: RecordT) -> SentT | None:
        """What is sent for a record, None for nothing. Raises UserMistake for a record that cannot be sent."""

    def execute(self, given: Transfer, context: ExecutionContext) -> TransferReport:
        """Batch after batch."""
        report = TransferReport(cursor=given.after, finished=False)
        try:
            for records in self._chunks(given):
                with context.link("batch", {"after": report.cursor}) as link:
                    batch = self._batch(records)
                    link.result = batch.summary()
                if batch.sent:
                    self.sink.write(batch.sent)
                report = self._added(report, batch)
        except (Unavailable, ConnectionError, TimeoutError) as error:
            context.partial = report
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(str(error) or type(error).__name__) from error
        finished = given.limit is None or report.read < given.limit
        return report.model_copy(update={"finished": finished})

    def _chunks(self, given: Transfer) -> Iterator[list[tuple[str, Mapping[str, object]]]]:
        chunk: list[tuple[str, Mapping[str, object]]] = []
        for count, pair in enumerate(self.source.read(given.after), start=1):
            chunk.append(pair)
            last = count == given.limit
            if last or len(chunk) == self.batch_size:
                yield chunk
                chunk = []
            if last:
                return
        if chunk:
            yield chunk

    def _batch(self, records: Sequence[tuple[str, Mapping[str, object]]]) -> _Batch[SentT]:
        batch: _Batch[SentT] = _Batch(cursor=records[-1][0], read=len(records))
        for cursor, raw in records:
            try:
                record = self._checked(raw)
                with calculation():
                    sent = self.transform(record)
                if sent is not None:
                    batch.lines.append(_line(sent))
                    batch.sent.append(sent)
            except (UserMistake, Several) as refusal:
                batch.rejected += 1
                batch.errors += [_error(cursor, error) for error in refusal.as_errors()]
        return batch

    def _checked(self, raw: Mapping[str, object]) -> RecordT:
        try:
            return self.record_model.model_validate(raw)
        except ValidationError as error:
            raise Several(mistakes(error)) from error

    def _added(self, report: TransferReport, batch: _Batch[SentT]) -> TransferReport:
        room = self.max_errors - len(report.errors)
        return TransferReport(
            read=report.read + batch.read,
            written=report.written + len(batch.sent),
            left_out=report.left_out + batch.read - batch.rejected - len(batch.sent),
            rejected=report.rejected + batch.rejected,
            cursor=batch.cursor,
            finished=False,
            errors=(*report.errors, *batch.errors[:room]),
            errors_not_listed=report.errors_not_listed + len(batch.errors[room:]),
        )


def _line(sent: Record) -> bytes:
    try:
        return sent.canonical()
    except CanonicalError as error:
        raise InvalidInput(str(error)) from error


def _error(cursor: str, error: AgentError) -> RecordError:
    return RecordError(cursor=cursor, code=error.code, field=error.field, message=error.message)
