"""Which versions an advisory in OSV form concerns, and what is no such file."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from greenlang.errors import SettingsError
from greenlang.quality.advisories import age, load


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
    other = advisory("x", {"introduced": "0"}) | {"id": "GHSA-1"}
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
        ('[{"id": "PYSEC-1", "affects": {"ranges": []}}]', "before 1.0"),
        ('[{"id": "PYSEC-1", "affected": ["x"]}]', "not in OSV form"),
        ('[{"id": "PYSEC-1", "affected": [{"ranges": [{"events": ["1.0"]}]}]}]', "not in OSV form"),
    ],
)
def test_what_is_no_advisory_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=said):
        load(path)


# --- entries in the form of the schema's own examples, and of PyPI's own database ------------------------------------


def example(*ranges: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An entry as https://osv.dev exports it, with all of its fields."""
    return {
        "schema_version": "1.7.0",
        "id": "GHSA-5jqp-qgf6-3pvh",
        "modified": "2024-02-16T08:22:11.187334Z",
        "published": "2021-05-13T22:30:13Z",
        "aliases": ["CVE-2021-29510", "PYSEC-2021-47"],
        "summary": "Use of infinity as an input to datetime and date fields causes infinite loop",
        "details": "### Impact",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:L"}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "pydantic", "purl": "pkg:pypi/pydantic"},
                "ranges": list(ranges),
                "database_specific": {"source": "https://example.org/advisory.json"},
            }
        ],
        "references": [{"type": "ADVISORY", "url": "https://example.org"}],
        "database_specific": {"severity": "MODERATE", "cwe_ids": ["CWE-835"], "github_reviewed": True},
        "credits": [{"name": "A finder", "type": "FINDER"}],
    } | more


def span(*events: dict[str, str], type: str = "ECOSYSTEM", **more: str) -> dict[str, Any]:
    return {"type": type, "events": list(events), **more}


GIT = span({"introduced": "0"}, {"fixed": "7e83fdd2"}, type="GIT", repo="https://github.com/pydantic/pydantic")
START = {"introduced": "0"}
EXAMPLES: dict[str, tuple[list[dict[str, Any]], dict[str, bool]]] = {
    "unfixed": ([span(START, type="SEMVER")], {"0.0.1": True, "99": True}),
    "fixed": ([span(START, {"fixed": "1.0.2"}, type="SEMVER")], {"1.0.1": True, "1.0.2rc1": True, "1.0.2": False}),
    "several in one range": (
        [span({"introduced": "1.0.0"}, {"fixed": "1.0.2"}, {"introduced": "3.0.0"}, {"fixed": "3.2.5"}, type="SEMVER")],
        {"0.9": False, "1.0.1": True, "1.0.2": False, "2.9": False, "3.2.4": True, "3.2.5": False},
    ),
    "last affected": ([span(START, {"last_affected": "2.1.214"})], {"2.1.214": True, "2.1.215": False}),
    "a limit of infinity": ([span(START, {"limit": "*"})], {"99": True}),
    "several branches, and commits beside them": (
        [
            GIT,
            span({"introduced": "1.8"}, {"fixed": "1.8.2"}),
            span({"introduced": "1.7"}, {"fixed": "1.7.4"}),
            span(START, {"fixed": "1.6.2"}),
        ],
        {"1.6.1": True, "1.6.2": False, "1.7.3": True, "1.7.4": False, "1.8": True, "1.8.1": True, "1.8.2": False},
    ),
    "without the beginning that the schema demands": ([span({"fixed": "1.0"})], {"0.9": True, "1.0": False}),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_schema(name: str, tmp_path: Path) -> None:
    ranges, versions = EXAMPLES[name]
    found = load(write(tmp_path / "a.json", example(*ranges)))
    assert {v: bool(found.of("pydantic", v)) for v in versions} == versions
    assert not any(hit.unclear for v in versions for hit in found.of("pydantic", v))
    assert found.newest == "2024-02-16"


def test_aliases_are_one_vulnerability_also_from_one_to_the_next(tmp_path: Path) -> None:
    """PYSEC says CVE, GHSA says CVE, a fourth says GHSA; none of them names all."""
    entries = [
        example(span(START, {"fixed": fixed}), id=name, aliases=aliases)
        for name, aliases, fixed in (
            ("PYSEC-2021-47", ["CVE-2021-29510"], "1.8.2"),
            ("GHSA-5jqp-qgf6-3pvh", ["CVE-2021-29510"], "1.8.3"),
            ("SNYK-1", ["GHSA-5jqp-qgf6-3pvh"], "1.8.2"),
        )
    ]
    other = example(span(START), id="PYSEC-2", aliases=[])
    one, another = load(write(tmp_path / "a.json", [*entries, other])).of("Pydantic", "1.8")
    assert (one.id, another.id) == ("PYSEC-2", "PYSEC-2021-47")
    assert another.aliases == ("CVE-2021-29510", "GHSA-5jqp-qgf6-3pvh", "SNYK-1")
    assert another.fixed == "1.8.3"


def test_of_two_entries_with_one_id_the_later_holds(tmp_path: Path) -> None:
    old = example(span(START), modified="2021-01-01T00:00:00Z")
    new = example(span(START), withdrawn="2024-02-16T00:00:00Z")
    for entries in ([old, new], [new, old]):
        found = load(write(tmp_path / "a.json", entries))
        assert (found.count, found.of("pydantic", "1")) == (1, ())


def test_severity_is_the_word_of_the_database_or_the_vector_of_the_package(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    (hit,) = load(write(path, example(span(START)))).of("pydantic", "1")
    assert hit.severity == "moderate"
    entry = example(span(START), database_specific={}, severity=[])
    vectors = {"CVSS_V3": "CVSS:3.1/AV:N", "CVSS_V4": "CVSS:4.0/AV:N/AC:L"}
    entry["affected"][0]["severity"] = [{"type": kind, "score": score} for kind, score in vectors.items()]
    (hit,) = load(write(path, entry)).of("pydantic", "1")
    assert hit.severity == "CVSS:4.0/AV:N/AC:L"


@pytest.mark.parametrize(
    ("ranges", "versions", "hit", "unclear"),
    [
        ([GIT], [], True, "it names no versions"),
        ([], [], True, "it names no versions"),
        ([GIT], ["0.1"], False, ""),
        ([GIT], ["1.0"], True, ""),
        ([span({"introduced": "0-beta-of-old"})], [], True, "its range cannot be compared"),
        ([span({"introduced": "0-beta-of-old"})], ["0.1"], False, ""),
    ],
)
def test_what_cannot_be_compared_is_taken_to_be_affected_unless_the_versions_are_listed(
    ranges: list[dict[str, Any]], versions: list[str], hit: bool, unclear: str, tmp_path: Path
) -> None:
    entry = example(*ranges)
    entry["affected"][0]["versions"] = versions
    found = load(write(tmp_path / "a.json", entry))
    told = found.of("pydantic", "1.0")
    assert bool(told) is hit
    assert all(t.unclear.startswith(unclear) if unclear else not t.unclear for t in told)
    assert found.of("another", "1.0") == ()


@pytest.mark.parametrize(("modified", "days"), [("2024-02-16T08:22:11Z", 15), ("", None)])
def test_how_old_the_newest_is(modified: str, days: int | None, tmp_path: Path) -> None:
    found = load(write(tmp_path / "a.json", example(span(START), modified=modified)))
    assert age(found, date(2024, 3, 2)) == days


def test_a_file_that_is_not_there_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "nothing.json")
    with pytest.raises(SettingsError, match="there is no JSON file"):
        load(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(SettingsError, match="not a zip file"):
        load(tmp_path / "a.zip")
