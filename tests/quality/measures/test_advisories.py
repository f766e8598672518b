"""Which versions an advisory in OSV form concerns, and what is no such file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from greenlang.errors import SettingsError
from greenlang.quality.advisories import load


def advisory(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {"id": "PYSEC-1", "summary": "Bad.", "affected": [affected | more]}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


INTRODUCED, FIXED = {"introduced": "1.2"}, {"fixed": "2.0"}
RANGES: dict[str, tuple[tuple[dict[str, str], ...], dict[str, bool]]] = {
    "from the start": (({"introduced": "0"}, FIXED), {"0.1": True, "1.9.9": True, "2.0": False, "2.0.post1": False}),
    "between": ((INTRODUCED, FIXED), {"1.1": False, "1.2": True, "1.2.0": True, "2.0rc1": True, "2.0": False}),
    "without a mend": ((INTRODUCED,), {"1.1.9": False, "9": True}),
    "last affected": ((INTRODUCED, {"last_affected": "1.5"}), {"1.5": True, "1.5.0": True, "1.5.1": False}),
    "two spans": (
        (INTRODUCED, {"fixed": "1.4"}, {"introduced": "2.0"}, {"fixed": "2.1"}),
        {"1.3": True, "1.4": False, "1.9": False, "2.0": True, "2.1": False},
    ),
    "in no order": (({"fixed": "2.1"}, {"introduced": "2.0"}), {"1.9": False, "2.0.5": True, "2.1": False}),
    "a limit": (({"introduced": "0"}, {"limit": "1.5"}), {"1.4": True, "1.5": False}),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_range_holds_the_versions_between_its_events(name: str, tmp_path: Path) -> None:
    events, versions = RANGES[name]
    found = load(write(tmp_path / "a.json", advisory("Some.Package", *events)))
    assert {v: bool(found.of("some-package", v)) for v in versions} == versions
    assert found.of("another", "1.3") == ()


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=3, max_size=3, unique=True))
def test_a_version_is_inside_if_and_only_if_it_lies_between(
    tmp_path_factory: Any, parts: list[tuple[int, ...]]
) -> None:
    low, high, tried = (".".join(map(str, p)) for p in parts)
    low, high = sorted((low, high), key=Version)
    path = tmp_path_factory.mktemp("osv") / "a.json"
    found = load(write(path, advisory("x", {"introduced": low}, {"fixed": high})))
    assert bool(found.of("x", tried)) == (Version(low) <= Version(tried) < Version(high))


def test_listed_versions_count_whatever_the_ranges_say(tmp_path: Path) -> None:
    found = load(write(tmp_path / "a.json", advisory("x", FIXED, versions=["1.0", "no version", "3.0.0"])))
    assert [bool(found.of("x", v)) for v in ("1.0.0", "3.0", "3.1")] == [True, True, False]


def test_the_first_version_that_is_mended_is_told(tmp_path: Path) -> None:
    found = load(
        write(tmp_path / "a.json", advisory("x", {"introduced": "0"}, {"fixed": "1.4"}, {"introduced": "2"}, FIXED))
    )
    (hit,) = found.of("x", "1.0")
    assert (hit.id, hit.summary, hit.fixed) == ("PYSEC-1", "Bad.", "1.4")


def test_withdrawn_advisories_and_other_ecosystems_count_for_nothing(tmp_path: Path) -> None:
    withdrawn = advisory("x", {"introduced": "0"}) | {"withdrawn": "2026-01-01T00:00:00Z"}
    other = advisory("x", {"introduced": "0"})
    other["affected"][0]["package"]["ecosystem"] = "npm"
    found = load(write(tmp_path / "a.json", [withdrawn, other]))
    assert found.count == 2
    assert found.of("x", "1") == ()


def test_a_list_an_envelope_a_folder_and_a_zip_are_read_alike(tmp_path: Path) -> None:
    entries = [advisory("x", {"introduced": "0"}), advisory("y", {"introduced": "0"}) | {"id": "PYSEC-2"}]
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    for number, entry in enumerate(entries):
        write(folder / f"{number}.json", entry)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, entry in enumerate(entries):
            archive.writestr(f"{number}.json", json.dumps(entry))
    places = (
        write(tmp_path / "list.json", entries),
        write(tmp_path / "envelope.json", {"vulns": entries}),
        tmp_path / "folder",
        tmp_path / "all.zip",
    )
    for place in places:
        found = load(place)
        assert (found.count, [h.id for h in found.of("y", "1")]) == (2, ["PYSEC-2"])


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [])
    assert load(path).count == 0
    write(path, [advisory("x", {"introduced": "0"})])
    assert load(path).count == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting"),
        ('[{"summary": "x"}]', "an entry without `id`"),
        ('["x"]', "an entry without `id`"),
        (json.dumps(advisory("x", {"introduced": "soon"})), "Invalid version: 'soon'"),
    ],
)
def test_what_is_no_advisory_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=said):
        load(path)


def test_a_file_that_is_not_there_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "nothing.json")
    with pytest.raises(SettingsError, match="there is no JSON file"):
        load(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(SettingsError, match="not a zip file"):
        load(tmp_path / "a.zip")
