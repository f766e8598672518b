"""What becomes of a file in the inbox: accepted, refused beside a report, or known already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from greenlang.bucket import Bucket, Entry, FolderBucket
from greenlang.errors import BucketError
from greenlang.factory import intake
from greenlang.factory.inbox import journal, reading, shelf
from greenlang.factory.inbox.results import Intake
from greenlang.factory.intake import take_in
from greenlang.factory.source import SpecSource
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import slug

Spec = Callable[..., bytes]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tree(bucket: Bucket) -> dict[str, bytes]:
    return {
        f"{area}/{e.name}": bucket.read(f"{area}/{e.name}")
        for area in ("inbox", "specs", "rejected")
        for e in bucket.list(area)
    }


def drop(bucket: Bucket, **files: bytes) -> None:
    for name, data in files.items():
        bucket.write(f"inbox/{name}.yaml", data)


def report(bucket: Bucket, stored: str) -> str:
    return bucket.read(f"rejected/{stored}.report.md").decode()


def test_a_good_spec_moves_to_specs_under_its_key(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    data = spec()
    drop(bucket, mine=data)
    result = take_in(bucket, settings)
    (one,) = result.accepted
    assert one.key == f"buildings/boiler@1.0.0-{sha(data)[:8]}"
    assert (one.name, one.digest) == ("mine.yaml", sha(data))
    assert bucket.list("inbox") == []
    assert bucket.read(f"specs/buildings.boiler@1.0.0-{sha(data)[:8]}.yaml") == data
    assert shelf.accepted_keys(bucket) == [one.key]
    assert shelf.source_name(bucket, shelf.spec_path(one.key)) == "mine.yaml"
    assert shelf.read_accepted(bucket, one.key) == SpecSource("mine.yaml", data)
    assert journal.unfinished(settings) == ()


def test_the_same_bytes_again_change_nothing(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, mine=spec())
    take_in(bucket, settings)
    before = tree(bucket)
    drop(bucket, other_name=spec())
    result = take_in(bucket, settings, registered=lambda *_: sha(spec()), outcome_of=lambda _: "registered")
    assert [u.name for u in result.unchanged] == ["other_name.yaml"]
    assert not result.accepted
    assert not result.refused
    assert tree(bucket) == before


def test_the_same_bytes_under_two_names_at_once_are_one_spec(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, a=spec(), b=spec())
    result = take_in(bucket, settings)
    assert [a.name for a in result.accepted] == ["a.yaml"]
    assert [u.name for u in result.unchanged] == ["b.yaml"]
    assert bucket.list("inbox") == []


def test_a_broken_spec_moves_to_rejected_beside_two_reports(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, bad=b"id: [1,", good=spec())
    result = take_in(bucket, settings)
    assert len(result.accepted) == 1
    (bad,) = result.refused
    assert bucket.read("rejected/bad.yaml") == b"id: [1,"
    text = report(bucket, "bad.yaml")
    assert text.startswith("# bad.yaml was refused\n")
    assert "**line 1, column" in text or "**line 2, column" in text
    assert "How to mend it: " in text
    assert "drop it in `inbox/` again" in text
    body = json.loads(bucket.read("rejected/bad.yaml.report.json"))
    assert body["sha256"] == bad.digest == sha(b"id: [1,")
    assert body["diagnostics"][0]["severity"] == "error"
    assert body["diagnostics"][0]["line"] >= 1
    assert body["diagnostics"][0]["hint"]


def test_mistakes_of_form_and_unknown_references_are_told_in_one_report(
    bucket: Bucket, settings: Settings, spec: Spec
) -> None:
    drop(
        bucket,
        bad=spec().replace(b"compute:", b"nmae: twice\ncompute:\n  factors: {gas: {ref: ef://epa/nowhere/2025}}", 1),
    )
    (bad,) = take_in(bucket, settings).refused
    assert [d.code for d in bad.diagnostics if d.severity == "error"] == ["GLS010", "GLS031"]


def test_a_refused_name_that_is_taken_by_other_bytes_gets_eight_digits(bucket: Bucket, settings: Settings) -> None:
    drop(bucket, bad=b"one: [")
    take_in(bucket, settings)
    drop(bucket, bad=b"two: [")
    (second,) = take_in(bucket, settings).refused
    assert second.stored == f"bad.{sha(b'two: [')[:8]}.yaml"
    assert bucket.read("rejected/bad.yaml") == b"one: ["
    assert bucket.read(f"rejected/{second.stored}") == b"two: ["
    assert bucket.exists(f"rejected/{second.stored}.report.md")
    drop(bucket, bad=b"two: [")
    before = tree(bucket)
    take_in(bucket, settings)
    assert set(tree(bucket)) == {p for p in before if not p.startswith("inbox/")}


def test_what_is_no_spec_file_is_refused_and_a_report_never_covers_a_file(bucket: Bucket, settings: Settings) -> None:
    drop(bucket, bad=b"x: [")
    bucket.write("inbox/bad.yaml.report.md", b"my own notes")
    bucket.write("inbox/data.xlsx", b"PK")
    bucket.write("inbox/packed.yaml", b"PK\x03\x04 and so on")
    result = take_in(bucket, settings)
    stored = {r.name: r.stored for r in result.refused}
    assert stored["data.xlsx"] == "data.xlsx"
    assert bucket.read(f"rejected/{stored['bad.yaml.report.md']}") == b"my own notes"
    assert "is not a spec file" in report(bucket, "data.xlsx")
    assert "unpack it and drop the specs that are in it" in report(bucket, "packed.yaml")
    assert report(bucket, "bad.yaml").startswith("# bad.yaml was refused")


def test_a_huge_file_is_refused_unread(bucket: Bucket, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.write("inbox/huge.yaml", b"a" * (settings.max_spec_bytes + 1))
    monkeypatch.setattr(type(bucket), "read", lambda *_: pytest.fail("the file was read"))
    (huge,) = take_in(bucket, settings, hold=True).refused
    monkeypatch.undo()
    assert huge.digest == ""
    assert "the file has 2,000,001 bytes; a spec may have 2,000,000" in report(bucket, "huge.yaml")
    before = tree(bucket)
    bucket.write("inbox/huge.yaml", b"a" * (settings.max_spec_bytes + 1))
    take_in(bucket, settings)
    assert tree(bucket) == before


def test_hidden_and_unsettled_files_are_left_alone(folder: Bucket, settings: Settings, spec: Spec) -> None:
    for name in (".a.yaml", "a.yaml.part", "a.yaml~", "b.yaml"):
        folder.write(f"inbox/{name}", spec())
    slow = settings.model_copy(update={"settle_seconds": 60.0})
    result = take_in(folder, slow)
    assert result == Intake(waiting=("b.yaml",))
    assert intake.waiting_files(folder, slow) == []
    assert [e.name for e in intake.waiting_files(folder, settings)] == ["b.yaml"]
    assert len(folder.list("inbox")) == 4
    assert len(take_in(folder, slow, settle=False).accepted) == 1


def test_a_file_that_grew_between_listing_and_reading_waits(
    folder: Bucket, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(folder, a=spec())
    real = FolderBucket.list
    shorter = lambda self, area, *a: [  # noqa: E731
        Entry(e.name, e.size - 1, e.etag, e.modified) for e in real(self, area, *a)
    ]
    monkeypatch.setattr(FolderBucket, "list", shorter)
    assert take_in(folder, settings).waiting == ("a.yaml",)
    assert folder.exists("inbox/a.yaml")


def test_only_the_named_files_are_taken_and_names_that_are_gone_are_passed_over(
    bucket: Bucket, settings: Settings, spec: Spec
) -> None:
    drop(bucket, a=spec(), b=spec(version="1.1.0"))
    result = take_in(bucket, settings, ["b.yaml", "gone.yaml"])
    assert [a.name for a in result.accepted] == ["b.yaml"]
    assert [e.name for e in bucket.list("inbox")] == ["a.yaml"]


def test_another_version_is_another_entry(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, a=spec())
    take_in(bucket, settings)
    drop(bucket, a=spec(version="1.0.1"))
    assert len(take_in(bucket, settings).accepted) == 1
    assert len(shelf.accepted_keys(bucket)) == 2


def test_other_bytes_of_a_registered_version_are_refused_and_both_are_named(
    bucket: Bucket, settings: Settings, spec: Spec
) -> None:
    drop(bucket, first=spec())
    (first,) = take_in(bucket, settings).accepted
    drop(bucket, second=spec(note="two"))
    result = take_in(bucket, settings, registered=lambda *_: first.digest, outcome_of=lambda _: "registered")
    assert [r.name for r in result.refused] == ["second.yaml"]
    text = report(bucket, "second.yaml")
    for part in (
        first.digest,
        sha(spec(note="two")),
        "second.yaml",
        shelf.spec_path(first.key),
        "registered",
    ):
        assert part in text
    assert bucket.read(shelf.spec_path(first.key)) == spec()


def test_other_bytes_of_an_undecided_version_are_refused(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, first=spec())
    take_in(bucket, settings)
    drop(bucket, second=spec(note="two"))
    result = take_in(bucket, settings, registered=lambda *_: None, outcome_of=lambda _: None)
    assert [r.name for r in result.refused] == ["second.yaml"]
    assert "not decided yet" in report(bucket, "second.yaml")


def test_a_corrected_file_takes_the_place_of_an_incomplete_one_of_the_same_version(
    bucket: Bucket, settings: Settings, spec: Spec
) -> None:
    """Two contents of one version must never both come as far as the registry."""
    drop(bucket, first=spec())
    (first,) = take_in(bucket, settings).accepted
    drop(bucket, second=spec(note="two"))
    result = take_in(bucket, settings, registered=lambda *_: None, outcome_of=lambda _: "incomplete")
    (second,) = result.accepted
    assert second.name == "second.yaml"
    assert shelf.accepted_keys(bucket) == [second.key]
    assert [(r.key, r.by) for r in result.replaced] == [(first.key, second.key)]
    assert bucket.read("rejected/first.yaml") == spec()
    text = report(bucket, "first.yaml")
    assert text.startswith("# first.yaml was replaced\n")
    for part in ("second.yaml", second.digest, "was incomplete"):
        assert part in text
    assert bucket.read(f"reports/{slug(first.key)}.md").decode() == text


def test_an_incomplete_spec_and_a_corrected_one_at_once_leave_what_stands(
    bucket: Bucket, settings: Settings, spec: Spec
) -> None:
    drop(bucket, first=spec())
    (first,) = take_in(bucket, settings).accepted
    drop(bucket, first=spec(), second=spec(note="two"))
    result = take_in(bucket, settings, registered=lambda *_: None, outcome_of=lambda _: "incomplete")
    assert [r.name for r in result.refused] == ["second.yaml"]
    assert shelf.accepted_keys(bucket) == [first.key]


def test_two_contents_of_one_version_at_once_are_both_refused(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, a=spec(), b=spec(note="two"), c=spec(version="9.0.0"))
    result = take_in(bucket, settings)
    assert [a.name for a in result.accepted] == ["c.yaml"]
    assert [r.name for r in result.refused] == ["a.yaml", "b.yaml"]
    for mine, other in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        text = report(bucket, mine)
        assert f"inbox/{other}" in text
        assert sha(spec()) in text
        assert sha(spec(note="two")) in text


def test_a_fault_of_the_reader_costs_one_file_only(
    folder: Bucket, settings: Settings, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reading.reader.report

    def faulty(data: bytes, name: str, *, max_bytes: int) -> object:
        if name == "a.yaml":
            raise RecursionError("too deep")
        return real(data, name, max_bytes=max_bytes)

    monkeypatch.setattr(reading.reader, "report", faulty)
    drop(folder, a=spec(), b=spec())
    result = take_in(folder, settings)
    assert [a.name for a in result.accepted] == ["b.yaml"]
    assert "RecursionError: too deep" in report(folder, "a.yaml")
    assert json.loads(folder.read("rejected/a.yaml.report.json"))["outcome"] == "quarantined"


def test_a_later_refusal_moves_the_spec_and_can_be_repeated(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, mine=spec())
    (one,) = take_in(bucket, settings).accepted
    findings = [Diagnostic("GLS100", "error", "no such factor", "use ef://a/b", 12, 5, "compute.factors")]
    first = intake.reject_later(bucket, one.key, one.name, findings)
    before = tree(bucket)
    assert intake.reject_later(bucket, one.key, one.name, findings) == first
    assert tree(bucket) == before
    assert before["rejected/mine.yaml"] == spec()
    assert "1. **line 12, column 5**, `compute.factors` (GLS100): no such factor" in report(bucket, "mine.yaml")
    assert shelf.accepted_keys(bucket) == []
    with pytest.raises(FileNotFoundError):
        intake.reject_later(bucket, "a/b@1.0.0-12345678", "a.yaml", findings)


def test_an_accepted_spec_that_was_changed_by_hand_is_not_read(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, mine=spec())
    (one,) = take_in(bucket, settings).accepted
    bucket.write(shelf.spec_path(one.key), spec(note="changed"))
    with pytest.raises(BucketError, match="changed by hand"):
        shelf.read_accepted(bucket, one.key)


def test_results_are_given_again_until_they_are_recorded(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    drop(bucket, good=spec(), bad=b"[")
    first = take_in(bucket, settings, hold=True)
    again = take_in(bucket, settings, hold=True)
    assert (again.accepted, again.refused) == (first.accepted, first.refused)
    assert len(journal.unfinished(settings)) == 1
    again.close()
    assert take_in(bucket, settings) == Intake()


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


OVERLAY = b"""\
overlay: 1
spec: {id: buildings/vent, version: "1.0.0"}
reviewed: {by: "A. Reviewer"}
"""


def everything(bucket: Bucket, settings: Settings, spec: Spec) -> None:
    """One file of every fate."""
    bucket.write("rejected/taken.yaml", b"other bytes")
    drop(bucket, vent=spec(id="buildings/vent"), **{"vent.overlay": OVERLAY})
    take_in(bucket, settings)
    drop(
        bucket,
        corrected=spec(id="buildings/vent", note="two"),
        **{"later.overlay": OVERLAY + b"# later\n"},
        a=spec(),
        b=spec(),  # the same again
        broken=b"id: [",
        c1=spec(id="buildings/pump"),
        c2=spec(id="buildings/pump", note="two"),
        taken=b"id: {",
    )
    bucket.write("inbox/notes.txt", b"hello")


def state(settings: Settings) -> dict[str, bytes]:
    """Every file below var, hidden ones too, without the lock."""
    return {
        str(p.relative_to(settings.var)): p.read_bytes()
        for p in sorted(settings.var.rglob("*"))
        if p.is_file() and p.name != ".lock"
    }


def test_killed_at_any_step_and_run_again_ends_in_the_same_state(
    tmp_path: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every change of the disk is a moment to die at, once before it and once after it."""
    moments = 0

    def watch(real: Callable[..., object], at: int, after: bool) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            nonlocal moments
            moments += 1
            if moments == at and not after:
                raise Killed
            result = real(*args, **kwargs)
            if moments == at and after:
                raise Killed
            return result

        return wrapped

    def attempt(name: str, at: int, after: bool) -> tuple[Settings, bool]:
        nonlocal moments
        settings = Settings(var=tmp_path / name, settle_seconds=0)
        bucket = Bucket.open(settings.bucket_address)
        everything(bucket, settings, spec)
        moments, killed = 0, False
        with monkeypatch.context() as patch:
            for method in ("replace", "write_bytes", "write_text", "unlink"):
                patch.setattr(Path, method, watch(getattr(Path, method), at, after))
            try:
                take_in(bucket, settings, outcome_of=lambda _: "incomplete")
            except Killed:
                killed = True
        take_in(bucket, settings, outcome_of=lambda _: "incomplete")
        return settings, killed

    whole = state(attempt("whole", 0, False)[0])
    assert len(whole) == 29
    for after in (False, True):
        at = 0
        while True:
            at += 1
            settings, killed = attempt(f"{at}-{after}", at, after)
            if not killed:
                break
            assert state(settings) == whole, f"killed {'after' if after else 'before'} step {at}"
        assert at > 20


@pytest.mark.slow
def test_a_real_sigkill_in_the_middle_leaves_nothing_to_mend(tmp_path: Path, spec: Spec) -> None:
    """A child takes in 300 files and is killed meanwhile; the next call ends as if nothing had been."""
    import signal
    import subprocess
    import sys
    import time

    def prepare(name: str) -> tuple[Settings, Bucket]:
        settings = Settings(var=tmp_path / name, settle_seconds=0)
        bucket = Bucket.open(settings.bucket_address)
        for i in range(300):
            bucket.write(f"inbox/{i:03}.yaml", spec(version=f"1.0.{i}") if i % 3 else b"broken: [")
        return settings, bucket

    expected, bucket = prepare("whole")
    take_in(bucket, expected)
    program = (
        "from greenlang.settings import Settings; from greenlang.bucket import Bucket; import sys\n"
        "from greenlang.factory.intake import take_in\n"
        "s = Settings(var=sys.argv[1], settle_seconds=0); take_in(Bucket.open(s.bucket_address), s)"
    )
    hits = 0
    for number, moved in enumerate((1, 100, 250)):
        settings, bucket = prepare(f"killed{number}")
        child = subprocess.Popen([sys.executable, "-c", program, str(settings.var)])
        while child.poll() is None and len(list((settings.var / "bucket" / "inbox").iterdir())) > 300 - moved:
            time.sleep(0.0005)
        child.send_signal(signal.SIGKILL)
        hits += child.wait() == -signal.SIGKILL
        take_in(bucket, settings)
        assert state(settings) == state(expected)
    assert hits, "the child was never killed in time"
