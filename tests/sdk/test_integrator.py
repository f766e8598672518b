"""Records from a source into a sink."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk.errors import InvalidInput, Unavailable
from greenlang_sdk.integrator import IntegratorAgent, TransferReport
from greenlang_sdk.models import Number, Record, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.agents import TABLE


class Reading(Record):
    meter: Text
    kwh: Number
    fuel: Text = "gas"
    extra: Any = None


class Emission(Record):
    meter: Text
    kg: Number
    extra: Any = None


class Listed:
    """A source over a list; the cursor is the number of records before."""

    def __init__(self, records: Sequence[Any], fails_at: int = -1) -> None:
        self.records = records
        self.fails_at = fails_at

    def read(self, after: str) -> Iterator[tuple[str, Mapping[str, object]]]:
        for number in range(int(after or 0), len(self.records)):
            if number == self.fails_at:
                raise Unavailable("the meter does not answer")
            yield str(number + 1), self.records[number]


class Collected:
    """A sink that keeps what it is given by meter, so that writing twice is writing once."""

    def __init__(self, fails_at: int = -1) -> None:
        self.batches: list[list[Emission]] = []
        self.fails_at = fails_at

    def write(self, records: Sequence[Emission]) -> None:
        if len(self.batches) == self.fails_at:
            raise Unavailable("the ledger is closed", field="ledger")
        self.batches.append(list(records))

    @property
    def meters(self) -> list[str]:
        return [emission.meter for batch in self.batches for emission in batch]


class Carrier(IntegratorAgent[Reading, Emission]):
    agent_id = "test/carrier"
    version = "1.0.0"
    record_model = Reading
    batch_size = 2
    max_errors = 3

    def transform(self, record: Reading) -> Emission | None:
        if record.kwh < 0:
            raise InvalidInput("a reading is zero or more", field="kwh")
        if record.meter == "bug":
            raise KeyError("a bug")
        if not record.kwh:
            return None
        return Emission(meter=record.meter, kg=1000 / record.kwh * TABLE.value(record.fuel, "US"), extra=record.extra)


def readings(*kwh: object) -> list[dict[str, object]]:
    return [{"meter": f"m{number}", "kwh": value} for number, value in enumerate(kwh)]


def carry(records: Sequence[Any], sink: Collected | None = None, **payload: object) -> TransferReport:
    result = Carrier(Listed(records), sink or Collected()).run(payload)
    assert result.data is not None, result.errors
    return result.data


def test_records_are_checked_transformed_and_written_in_batches() -> None:
    sink = Collected()
    report = carry(readings(1, 2, 0, 4, 8), sink)
    assert [len(batch) for batch in sink.batches] == [2, 1, 1]
    assert [emission.kg for batch in sink.batches for emission in batch] == [500, 250, 125, Decimal("62.5")]
    assert report == TransferReport(read=5, written=4, left_out=1, cursor="5", finished=True)


def test_records_with_errors_are_listed_and_stop_nothing() -> None:
    records = [*readings(1, -2, "x", 4), {"kwh": 1, "other": 2}, "no record", {"meter": "m", "kwh": 1, "fuel": "coal"}]
    sink = Collected()
    report = carry(records, sink)
    assert sink.meters == ["m0", "m3"]
    assert (report.read, report.written, report.rejected) == (7, 2, 5)
    assert [(e.cursor, e.code, e.field) for e in report.errors] == [
        ("2", "invalid_input", "kwh"),
        ("3", "invalid_input", "kwh"),
        ("5", "invalid_input", "meter"),
    ]
    assert report.errors[0].message == "a reading is zero or more"
    assert report.errors_not_listed == 3  # "other", the text, coal


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"meter": "m", "kwh": 1, "fuel": "coal"}, "not_covered"),
        ({"meter": "m", "kwh": "1e-6142"}, "calculation"),
        ({"meter": "m", "kwh": 1, "extra": float("nan")}, "invalid_input"),
    ],
)
def test_each_kind_of_mistake_is_a_value(record: dict[str, object], code: str) -> None:
    (error,) = carry([record]).errors
    assert error.code == code


def test_a_bug_in_the_transformation_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        carry([{"meter": "bug", "kwh": 1}])


def test_a_limit_ends_the_run_and_the_cursor_goes_on() -> None:
    sink = Collected()
    first = carry(readings(1, 1, 1, 1, 1), sink, limit=3)
    assert (first.read, first.cursor, first.finished) == (3, "3", False)
    second = carry(readings(1, 1, 1, 1, 1), sink, after=first.cursor)
    assert (second.read, second.cursor, second.finished) == (2, "5", True)
    assert sink.meters == ["m0", "m1", "m2", "m3", "m4"]


def test_nothing_left_is_a_finished_report() -> None:
    report = carry(readings(1), after="1")
    assert report == TransferReport(cursor="1", finished=True)


def test_a_sink_that_fails_leaves_the_cursor_behind_what_it_took() -> None:
    sink = Collected(fails_at=1)
    agent = Carrier(Listed(readings(1, 1, 1, 1, 1)), sink)
    result = agent.run({})
    assert not result.success
    assert result.error is not None
    assert (result.error.code, result.error.field) == ("unavailable", "ledger")
    assert result.data == TransferReport(read=2, written=2, cursor="2", finished=False)
    assert result.as_dict()["data"] is not None
    sink.fails_at = -1
    assert agent.run({"after": result.data.cursor}).success
    assert sink.meters == ["m0", "m1", "m2", "m3", "m4"]


@pytest.mark.parametrize(("error", "message"), [(TimeoutError("no answer"), "no answer"), (ConnectionError(), "Conn")])
def test_a_connection_that_breaks_is_unavailable(error: OSError, message: str) -> None:
    class Broken(Collected):
        def write(self, records: Sequence[Any]) -> None:
            if self.batches:
                raise error
            super().write(records)

    result = Carrier(Listed(readings(1, 1, 1, 1, 1)), Broken()).run({})
    assert result.error is not None
    assert result.error.code == "unavailable"
    assert result.error.message.startswith(message)
    assert result.data is not None
    assert result.data.written == 2


def test_a_source_that_fails_drops_the_batch_it_had_begun() -> None:
    sink = Collected()
    result = Carrier(Listed(readings(1, 1, 1, 1), fails_at=3), sink).run({})
    assert result.error is not None
    assert result.error.message == "the meter does not answer"
    assert result.data == TransferReport(read=2, written=2, cursor="2", finished=False)
    assert sink.meters == ["m0", "m1"]


def test_a_batch_without_anything_to_send_is_not_sent() -> None:
    sink = Collected()
    assert carry(readings(0, 0, -1), sink).cursor == "3"
    assert sink.batches == []


def test_the_chain_holds_the_digest_of_what_was_sent() -> None:
    sink = Collected()
    result = Carrier(Listed(readings(1, 2, 4)), sink).run({})
    assert [step.arguments for step in result.chain] == [{"after": ""}, {"after": "2"}]
    for step, batch in zip(result.chain, sink.batches, strict=True):
        assert isinstance(step.result, dict)
        lines = b"\n".join(emission.canonical() for emission in batch)
        assert step.result["sha256"] == hashlib.sha256(lines).hexdigest()
        assert step.factors == (("epa/x", "aa"),)
    assert [c.ref for c in result.citations] == ["ef://epa/x"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([1, 0, -1, "x", "2.5"]), max_size=12), st.integers(1, 5))
def test_stopping_and_going_on_does_what_one_run_does(kwh: list[object], limit: int) -> None:
    whole, parts = Collected(), Collected()
    once = carry(readings(*kwh), whole)
    total, cursor, finished = 0, "", False
    while not finished:
        report = carry(readings(*kwh), parts, after=cursor, limit=limit)
        assert report.read == report.written + report.left_out + report.rejected
        total, cursor, finished = total + report.written, report.cursor, report.finished
    assert parts.meters == whole.meters
    assert total == once.written
