"""What becomes of an overlay in the inbox: in force beside its spec, waiting for it, or refused with a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from greenlang.bucket import Bucket, FolderBucket
from greenlang.errors import BucketError
from greenlang.factory.inbox import journal, shelf
from greenlang.factory.intake import reject_later, take_in
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic

Spec = Callable[..., bytes]

BESIDE = "specs/buildings.boiler@1.0.0.overlay.yaml"
REPORT = "reports/buildings.boiler@1.0.0.overlay.md"
OVERLAY = """\
overlay: 1
spec: {{id: {id}, version: "{version}"{more}}}
reviewed: {{by: "A. Reviewer", on: "2026-01-31"}}
formulas:
  {output}: {{expression: "{expression}", source: "{source}"}}
"""


def overlay(
    id: str = "buildings/boiler",
    version: str = "1.0.0",
    *,
    output: str = "energy",
    expression: str = "fuel * 2",
    source: str = "a textbook, page 1",
    more: str = "",
) -> bytes:
    fields = {"id": id, "version": version, "output": output, "expression": expression, "source": source}
    return OVERLAY.format(**fields, more=more).encode()


@pytest.fixture
def bare(spec: Spec) -> Spec:
    """A spec that gives no formula."""
    return lambda **more: spec(**more).replace(b'  formulas:\n    energy: "fuel * 2"\n', b"")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def drop(bucket: Bucket, **files: bytes) -> None:
    for name, data in files.items():
        bucket.write(f"inbox/{name.replace('__', '.')}.yaml", data)


def report(bucket: Bucket, stored: str) -> str:
    return bucket.read(f"rejected/{stored}.report.md").decode()


def test_dropped_together_they_stand_beside_each_other(bucket: Bucket, settings: Settings, bare: Spec) -> None:
    drop(bucket, mine=bare(), mine__overlay=overlay())
    result = take_in(bucket, settings)
    (one,), (taken,) = result.accepted, result.overlays
    assert (taken.key, taken.name, taken.changed, taken.waits) == (one.key, "mine.overlay.yaml", True, "")
    assert bucket.read(BESIDE) == overlay()
    assert bucket.list("inbox") == []
    assert shelf.accepted_keys(bucket) == [one.key]
    source = shelf.read_accepted(bucket, one.key)
    assert (source.data, source.overlay, source.overlay_name) == (bare(), overlay(), "mine.overlay.yaml")
    found, _ = source.read(settings.max_spec_bytes)
    assert found is not None
    assert found.formulas["energy"].means == "overlay"
    assert f"in force for the spec `{one.key}`" in bucket.read(REPORT).decode()


def test_before_its_spec_it_waits_and_says_for_what(bucket: Bucket, settings: Settings, bare: Spec) -> None:
    drop(bucket, early__overlay=overlay())
    (waits,) = take_in(bucket, settings).overlays
    assert waits.key == ""
    assert waits.waits == "waits for the spec buildings/boiler 1.0.0, which is not in specs/: drop the spec"
    assert "waiting for its spec" in bucket.read(REPORT).decode()
    drop(bucket, late=bare())
    (one,) = take_in(bucket, settings).accepted
    assert shelf.read_accepted(bucket, one.key).overlay == overlay()
    assert f"in force for the spec `{one.key}`" in bucket.read(REPORT).decode()


def test_a_waiting_overlay_is_no_sign_that_a_spec_of_a_shorter_version_was_refused(
    bucket: Bucket, settings: Settings
) -> None:
    drop(bucket, long__overlay=overlay(version="1.0.10"))
    take_in(bucket, settings)
    drop(bucket, short__overlay=overlay(version="1.0.1"))
    (waits,) = take_in(bucket, settings).overlays
    assert waits.waits == "waits for the spec buildings/boiler 1.0.1, which is not in specs/: drop the spec"


def test_after_its_spec_it_names_the_spec_to_build_again_and_the_same_bytes_change_nothing(
    bucket: Bucket, settings: Settings, bare: Spec
) -> None:
    drop(bucket, mine=bare())
    (one,) = take_in(bucket, settings).accepted
    drop(bucket, any_name__overlay=overlay())
    assert [(o.key, o.changed) for o in take_in(bucket, settings).overlays] == [(one.key, True)]
    drop(bucket, other_name__overlay=overlay())
    assert [(o.key, o.changed) for o in take_in(bucket, settings).overlays] == [(one.key, False)]
    assert shelf.read_accepted(bucket, one.key).overlay_name == "any_name.overlay.yaml"


def test_a_later_one_takes_its_place_and_the_older_is_kept(bucket: Bucket, settings: Settings, bare: Spec) -> None:
    first, second = overlay(), overlay(expression="2 * fuel")
    drop(bucket, mine=bare(), mine__overlay=first)
    take_in(bucket, settings)
    drop(bucket, mine__overlay=second)
    (taken,) = take_in(bucket, settings).overlays
    assert (taken.digest, taken.changed) == (sha(second), True)
    assert bucket.read(BESIDE) == second
    assert bucket.read(f"specs/older/buildings.boiler@1.0.0.{sha(first)[:8]}.overlay.yaml") == first
    assert len(shelf.accepted_keys(bucket)) == 1


@pytest.mark.parametrize(
    ("wrong", "place", "code"),
    [
        (overlay().replace(b"formulas:", b"formulae:"), "line 4, column 1", "GLS010"),
        (overlay(source=""), "line 5, column 3", "GLS082"),
        (overlay(output="enrgy"), "line 5, column 3", "GLS081"),
        (overlay(more=f", sha256: {'a' * 64}"), "line 2, column", "GLS080"),
        (overlay(expression="fuel * 2 [kg]"), "line 5, column", "GLS041"),
        (overlay(expression="fuel *"), "line 5, column", "GLS040"),
        (b"overlay: [1\n", "line 2, column 1", "GLS002"),
    ],
)
def test_one_that_does_not_fit_is_refused_at_its_own_line_and_what_stood_stays(
    folder: Bucket, settings: Settings, bare: Spec, wrong: bytes, place: str, code: str
) -> None:
    drop(folder, mine=bare(), mine__overlay=overlay())
    (one,) = take_in(folder, settings).accepted
    drop(folder, bad__overlay=wrong)
    result = take_in(folder, settings)
    assert result.overlays == ()
    (refused,) = result.refused
    text = report(folder, "bad.overlay.yaml")
    assert f"1. **{place}" in text
    assert f"({code})" in text
    assert "The overlay is not used." in text
    assert "Its spec need not be dropped again" in text
    assert folder.read("rejected/bad.overlay.yaml") == wrong
    assert json.loads(folder.read("rejected/bad.overlay.yaml.report.json"))["sha256"] == refused.digest == sha(wrong)
    assert shelf.read_accepted(folder, one.key).overlay == overlay()


def test_one_that_does_not_fit_costs_its_spec_nothing(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare(), mine__overlay=overlay(output="enrgy"))
    result = take_in(folder, settings)
    (one,) = result.accepted
    assert [r.name for r in result.refused] == ["mine.overlay.yaml"]
    assert shelf.read_accepted(folder, one.key).overlay is None


def test_one_that_waited_and_does_not_fit_goes_when_its_spec_comes(
    folder: Bucket, settings: Settings, bare: Spec
) -> None:
    drop(folder, early__overlay=overlay(output="enrgy"))
    assert take_in(folder, settings).overlays[0].waits
    drop(folder, mine=bare())
    result = take_in(folder, settings)
    assert [r.name for r in result.refused] == ["early.overlay.yaml"]
    assert "did you mean `energy`?" in report(folder, "early.overlay.yaml")
    assert shelf.read_accepted(folder, result.accepted[0].key).overlay is None


def test_an_error_that_the_spec_has_anyway_is_not_the_overlays(folder: Bucket, settings: Settings, bare: Spec) -> None:
    broken = bare().replace(b"  outputs:", b'  factors: {f: {ref: "ef://nobody/knows/this"}}\n  outputs:')
    drop(folder, mine=broken, mine__overlay=overlay())
    result = take_in(folder, settings)
    assert result.refused == ()
    assert result.overlays[0].key == result.accepted[0].key


def test_it_goes_by_the_id_and_version_that_it_names(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(
        folder,
        a=bare(),
        b=bare(id="buildings/pump"),
        a__overlay=overlay(id="buildings/pump"),
        next__overlay=overlay(version="2.0.0"),
        typo__overlay=overlay(id="buildings/boilr"),
    )
    result = take_in(folder, settings)
    keys = {a.name: a.key for a in result.accepted}
    told = {o.name: o for o in result.overlays}
    assert told["a.overlay.yaml"].key == keys["b.yaml"]
    assert "of this id there is 1.0.0" in told["next.overlay.yaml"].waits
    assert "mend `spec.id` if buildings/boiler is meant" in told["typo.overlay.yaml"].waits
    assert shelf.read_accepted(folder, keys["a.yaml"]).overlay is None


def test_the_right_sha256_is_accepted(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare(), mine__overlay=overlay(more=f", sha256: {sha(bare())}"))
    assert len(take_in(folder, settings).overlays) == 1


def test_two_for_one_spec_at_once_are_both_refused(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare(), x__overlay=overlay(), y__overlay=overlay(expression="2 * fuel"))
    result = take_in(folder, settings)
    assert len(result.accepted) == 1
    assert [r.name for r in result.refused] == ["x.overlay.yaml", "y.overlay.yaml"]
    assert "y.overlay.yaml" in report(folder, "x.overlay.yaml")
    assert not folder.exists(BESIDE)


def test_the_same_one_twice_at_once_is_one(folder: Bucket, settings: Settings, bare: Spec) -> None:
    first = overlay(expression="2 * fuel")
    drop(folder, mine=bare(), mine__overlay=first)
    take_in(folder, settings)
    drop(folder, x__overlay=overlay(), y__overlay=overlay())
    result = take_in(folder, settings)
    assert result.refused == ()
    assert [(o.name, o.changed) for o in result.overlays] == [("x.overlay.yaml", True), ("y.overlay.yaml", False)]
    assert folder.read(BESIDE) == overlay()
    assert folder.read(f"specs/older/buildings.boiler@1.0.0.{sha(first)[:8]}.overlay.yaml") == first
    assert folder.list("inbox") == []


def test_a_corrected_file_of_the_version_keeps_the_overlay(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare(), mine__overlay=overlay())
    take_in(folder, settings)
    drop(folder, mine=bare(note="corrected"))
    (again,) = take_in(folder, settings, registered=lambda *_: None, outcome_of=lambda _: "incomplete").accepted
    assert shelf.read_accepted(folder, again.key).overlay == overlay()


def test_a_spec_that_is_refused_leaves_its_overlay_waiting(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare().replace(b"MMBtu", b"MMBtuu"), mine__overlay=overlay())
    result = take_in(folder, settings)
    assert [r.name for r in result.refused] == ["mine.yaml"]
    assert result.overlays[0].waits


def test_one_whose_spec_was_refused_later_says_so(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine=bare())
    (one,) = take_in(folder, settings).accepted
    reject_later(folder, one.key, one.name, [Diagnostic("GLS031", "error", "no such factor")])
    drop(folder, mine__overlay=overlay())
    (waits,) = take_in(folder, settings).overlays
    assert waits.waits == "waits for the spec buildings/boiler 1.0.0, which was refused: drop the spec again"
    drop(folder, mine=bare())
    take_in(folder, settings)
    assert shelf.read_accepted(folder, one.key).overlay == overlay()


def test_what_says_that_it_is_an_overlay_is_one_whatever_it_is_called(
    folder: Bucket, settings: Settings, bare: Spec
) -> None:
    drop(folder, mine=bare(), extra=overlay())
    result = take_in(folder, settings)
    assert [(o.name, o.key) for o in result.overlays] == [("extra.yaml", result.accepted[0].key)]


def test_a_spec_under_an_overlays_name_is_told(folder: Bucket, settings: Settings, bare: Spec) -> None:
    drop(folder, mine__overlay=bare())
    take_in(folder, settings)
    text = report(folder, "mine.overlay.yaml")
    assert "this is no overlay: `overlay` is missing" in text
    assert "the name of a spec does not end in .overlay.yaml" in text


@pytest.mark.parametrize("id", ["../../etc/x", "a/../b", "A b"])
def test_an_id_that_leads_elsewhere_is_refused(folder: Bucket, settings: Settings, id: str) -> None:
    drop(folder, mine__overlay=overlay(id=f'"{id}"'))
    assert len(take_in(folder, settings).refused) == 1
    assert [e.name for e in folder.list("specs")] == []


def test_one_that_was_changed_by_hand_is_not_used_and_may_be_dropped(
    folder: FolderBucket, settings: Settings, bare: Spec
) -> None:
    changed = overlay(expression="2 * fuel")
    drop(folder, mine=bare(), mine__overlay=overlay())
    (one,) = take_in(folder, settings).accepted
    (folder.root / BESIDE).write_bytes(changed)
    with pytest.raises(BucketError, match="changed by hand"):
        shelf.read_accepted(folder, one.key)
    drop(folder, mine__overlay=changed)
    assert take_in(folder, settings).overlays[0].changed
    assert shelf.read_accepted(folder, one.key).overlay == changed


def test_results_are_given_again_until_they_are_recorded(folder: Bucket, settings: Settings, bare: Spec) -> None:
    """A batch that is killed after the overlay was taken in builds its spec again when it is run again."""
    drop(folder, mine=bare())
    take_in(folder, settings)
    drop(folder, mine__overlay=overlay())
    first = take_in(folder, settings, hold=True)
    again = take_in(folder, settings, hold=True)
    assert again.overlays == first.overlays
    assert again.overlays[0].changed
    again.close()
    assert journal.unfinished(settings) == ()
