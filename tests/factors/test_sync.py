"""From the publishers' files to a release in force, through the command line and in the library."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import FactorTableError, FetchError
from greenlang.factors import FactorTable
from greenlang.factors.catalogue import PublishedFile, catalogue, select
from greenlang.factors.editions import EditionRead, totals
from greenlang.factors.release import Release, Releases
from greenlang.factors.sources_page import sources_page
from greenlang.factors.stats import Count, count
from greenlang.factors.stats import totals as total_of
from greenlang.settings import Settings
from greenlang.sync import releases, sync
from tools.docs import DOCS, sources

SMALL = "eea_electricity"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", workers=1)


@pytest.fixture
def few(shared: Path, tmp_path: Path) -> Path:
    """A folder with one publisher's files."""
    folder = tmp_path / "files"
    shutil.copytree(shared / "data" / SMALL, folder / SMALL)
    return folder


def test_what_is_there_is_read_and_what_is_missing_is_named(settings: Settings, few: Path) -> None:
    done = sync(settings, folder=few)
    assert {edition.name.rpartition("/")[0] for edition in done.read} == {"eea/electricity"}
    assert done.release is not None
    assert FactorTable.in_force(settings.tables).release == done.release.name == "factors-1.0.0"
    names = {problem.name for problem in done.missing}
    assert "owid/electricity/2026" in names
    assert all("--from" in problem.mend for problem in done.missing)


def test_a_second_sync_reads_nothing_again_and_makes_no_release(settings: Settings, few: Path) -> None:
    first = sync(settings, folder=few)
    again = sync(settings, folder=few)
    assert (first.new, again.new) == (True, False)
    assert not any(edition.fresh for edition in again.read)
    assert releases(settings).names() == ["factors-1.0.0"]


@pytest.fixture
def more(shared: Path, tmp_path: Path) -> Path:
    """A folder with the files of another publisher."""
    folder = tmp_path / "more"
    shutil.copytree(shared / "data" / "ipcc_gwp", folder / "ipcc_gwp")
    return folder


def call(var: Path, *words: str) -> Result:
    """`greenlang factors ...`, in one process."""
    return CliRunner(env={"GREENLANG_WORKERS": "1"}).invoke(app, ["--var", str(var), "factors", *words])


def names(release: Release | None) -> set[str]:
    return {row["name"] for row in release.editions} if release else set()


def test_what_a_release_holds_stays_in_the_next_one_without_its_files(
    settings: Settings, few: Path, more: Path
) -> None:
    first = sync(settings, folder=few)
    second = sync(settings, folder=more)
    assert names(second.release) == names(first.release) | {edition.name for edition in second.read}
    assert {edition.name for edition in second.stayed} == names(first.release) == second.in_force
    assert not {problem.name for problem in second.missing} & names(first.release)
    assert second.release is not None
    assert second.release.name == "factors-1.1.0"
    assert second.withdrawn == frozenset()


def test_a_changed_file_is_refused_and_what_it_gave_before_stays(settings: Settings, few: Path) -> None:
    first = sync(settings, folder=few)
    path = next((few / SMALL).glob("*.csv"))
    path.write_bytes(path.read_bytes()[:1000])
    second = sync(settings, folder=few)
    (problem,) = [p for p in second.missing if p.state == "refused"]
    assert problem.other is not None
    assert (problem.other.path, problem.other.bytes) == (path, 1000)
    assert problem.other.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert problem.name in second.in_force
    assert (second.release, second.new) == (first.release, False)


def test_an_edition_whose_declaration_changed_is_withdrawn_without_its_file(
    settings: Settings, few: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sync(settings, folder=few)
    declared = tuple(replace(e, note="said anew") if e.publisher == "eea" else e for e in catalogue())
    monkeypatch.setattr("greenlang.sync.catalogue", lambda: declared)
    told = json.loads(call(settings.var, "sync", "--from", str(more), "--json").stdout)
    states = {problem["name"]: problem["state"] for problem in told["missing"]}
    assert told["release"] == "factors-2.0.0"
    assert {name for name, state in states.items() if state == "not there; withdrawn"} == names(first.release)
    assert states["owid/electricity/2026"] == "not there"


def test_without_a_folder_only_what_is_not_held_is_fetched(
    settings: Settings, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sync(settings, folder=few)
    asked: list[PublishedFile] = []

    def fetch(file: PublishedFile, *_: object) -> Path:
        asked.append(file)
        raise FetchError(f"`{file.name}`: no network")

    monkeypatch.setattr("greenlang.sync.fetch", fetch)
    second = sync(settings)
    assert {file.folder for file in asked}.isdisjoint({SMALL})
    assert (second.release, second.new) == (first.release, False)
    states = {problem.name: problem.state for problem in second.missing}
    assert states["epa/supply-chain/v1.3"] == "not fetched"
    assert states["owid/electricity/2026"] == "not there"  # has no direct address


def test_a_file_with_another_digest_is_not_read(settings: Settings, few: Path) -> None:
    path = next((few / SMALL).glob("*.csv"))
    path.write_bytes(path.read_bytes() + b"\n")
    done = sync(settings, folder=few)
    (problem,) = [p for p in done.missing if path.name in p.problem]
    assert "has the SHA-256" in problem.problem
    assert problem.name not in {edition.name for edition in done.read}


def test_a_set_that_is_not_open_loads_only_when_named(settings: Settings, few: Path, shared: Path) -> None:
    shutil.copytree(shared / "data" / "unfccc_ifi_grid", few / "unfccc_ifi_grid")
    first = sync(settings, folder=few)
    assert [edition.publisher for edition in first.not_open] == ["unfccc"]
    second = sync(settings, folder=few, wanted=("unfccc/ifi-grid",))
    assert second.release is not None
    assert second.release.name == "factors-1.1.0"
    # named once, it stays: a later sync withdraws nothing
    third = sync(settings, folder=few)
    assert third.release == second.release


def test_a_name_that_fits_no_source_is_refused() -> None:
    with pytest.raises(FactorTableError, match=r"no source is called `iea/world`; there are ademe/agribalyse, "):
        select(catalogue(), ("iea/world",))


def test_the_command_says_what_it_read_and_exits_1_for_what_is_missing(few: Path, tmp_path: Path) -> None:
    done = call(tmp_path / "var", "sync", "--from", str(few), "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["release"] == "factors-1.0.0"
    assert all(e["seen"] == e["kept"] + sum(e["refused"].values()) for e in told["read"])
    assert told["missing"]
    shown = call(tmp_path / "var", "release", "list")
    assert "factors-1.0.0" in shown.stdout
    refused = call(tmp_path / "var", "refused", "eea/electricity/electricity-generation-5")
    assert "60 values of eea/electricity/electricity-generation-5 were refused in factors-1.0.0" in refused.stdout
    back = call(tmp_path / "var", "release", "pin", "embedded")
    assert "in force: embedded-" in back.stdout
    assert FactorTable.in_force(tmp_path / "var" / "tables").release.startswith("embedded-")


def test_sync_prints_a_line_for_each_dataset_and_a_changed_file_once(few: Path, more: Path, tmp_path: Path) -> None:
    call(tmp_path / "var", "sync", "--from", str(few))
    shared_file = more / "ipcc_gwp" / "IPCC_GWP_values.csv"  # three editions need it
    shared_file.write_bytes(shared_file.read_bytes() + b"\n")
    held_file = more / SMALL / "co2-emission-intensity-6.csv"
    held_file.parent.mkdir()
    held_file.write_text("cut short")
    (more / "my notes.txt").write_text("not a publisher's file")
    done = call(tmp_path / "var", "sync", "--from", str(more))
    assert done.exit_code == 1
    table = [
        re.split(r" {3,}", line.strip()) for line in done.stdout.splitlines() if line.startswith((" eea", " ipcc"))
    ]
    assert [line[:3] for line in table] == [
        ["eea/electricity", "co2-emission-intensity-6", "refused; still in force"],
        ["eea/electricity", "electricity-generation-5", "in force"],
        ["ipcc/gwp-values", "ar4, ar5, ar6", "refused"],
        ["ipcc/gwp-values", "sar", "read"],
    ]
    assert done.stdout.count("desnz/conversion-factors") == 2  # in the table, and its page
    assert "2 files that no edition declares were left alone: ipcc_gwp/PROVENANCE.txt, my notes.txt" in done.stdout
    assert f"refused: {held_file} is not the file that is declared for eea/elec" in done.stderr
    digest = hashlib.sha256(shared_file.read_bytes()).hexdigest()
    assert done.stderr.count(digest) == 1
    assert "for ipcc/gwp-values/ar4, ipcc/gwp-values/ar5, ipcc/gwp-values/ar6\n" in done.stderr
    assert f"expected  SHA-256 {declared('IPCC_GWP_values.csv').sha256}, 112,992 bytes" in done.stderr
    assert f"found     SHA-256 {digest}, 112,993 bytes" in done.stderr
    assert "mend      it was changed, was cut short or is another edition: fetch it anew" in done.stderr
    told = json.loads(call(tmp_path / "var", "sync", "--from", str(more), "--json").stdout)
    assert {e["name"]: e["state"] for e in told["read"]}["eea/electricity/electricity-generation-5"] == "in force"
    assert told["undeclared"] == ["ipcc_gwp/PROVENANCE.txt", "my notes.txt"]


def declared(name: str) -> PublishedFile:
    return next(file for edition in catalogue() for file in edition.files if file.name == name)


def test_a_folder_without_any_of_the_files_changes_nothing_and_exits_1(few: Path, tmp_path: Path) -> None:
    call(tmp_path / "var", "sync", "--from", str(few))
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "foo.xlsx").write_text("nothing")
    done = call(tmp_path / "var", "sync", "--from", str(wrong))
    assert done.exit_code == 1
    assert "1 file that no edition declares was left alone: foo.xlsx" in done.stdout
    assert "release factors-1.0.0 (nothing changed)" in done.stdout
    assert "holds none of the publishers' files" in done.stderr


def test_many_failed_downloads_are_said_in_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(file: PublishedFile, *_: object) -> Path:
        raise FetchError(f"`{file.name}`: no network")

    addressed = tuple(
        replace(e, files=tuple(f.model_copy(update={"address": "https://example.org/x"}) for f in e.files))
        for e in catalogue()
    )
    monkeypatch.setattr("greenlang.sync.fetch", fetch)
    monkeypatch.setattr("greenlang.sync.catalogue", lambda: addressed)
    done = call(tmp_path / "var", "sync")
    assert done.exit_code == 1
    failed = [line for line in done.stderr.splitlines() if line.startswith("not fetched: ")]
    assert len(failed) == 6
    assert re.fullmatch(r"not fetched: \d+ files more; --json has each", failed[-1])
    assert "no edition could be read, so there is no release" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("release", "pin", "nosuch"),
        ("release", "show", "nosuch"),
        ("release", "diff", "nosuch"),
        ("stats", "--release", "nosuch"),
        ("refused", "--release", "nosuch"),
        ("sync", "--from", ".", "--source", "nosuch"),
    ],
)
def test_a_name_of_which_there_is_none_exits_1_as_documented(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = call(tmp_path / "var", *words)
    assert done.exit_code == 1
    assert re.search(r"(there is no factor release|no source is called) `nosuch`; there are ", done.stderr)


def test_refused_without_a_release_says_so(tmp_path: Path) -> None:
    done = call(tmp_path / "var", "refused")
    assert done.exit_code == 1
    assert "the embedded base is in force" in done.stderr


def test_refused_of_an_unknown_edition_names_the_nearest_and_exits_1(few: Path, tmp_path: Path) -> None:
    call(tmp_path / "var", "sync", "--from", str(few))
    slip = call(tmp_path / "var", "refused", "eea/electricty/electricity-generation-5")
    assert slip.exit_code == 1
    assert (
        "no edition is called `eea/electricty/electricity-generation-5` in factors-1.0.0; the nearest are"
        " `eea/electricity/electricity-generation-5`"
    ) in slip.stderr
    absent = call(tmp_path / "var", "refused", "owid/electricity/2026")
    assert absent.exit_code == 1
    assert "is not in factors-1.0.0: `greenlang factors sync` loads it" in absent.stderr


def test_the_page_of_the_sources_tells_what_loads_by_itself_from_what_must_be_named() -> None:
    def line(name: str, factors: int, *, latest: bool = True, embedded: bool = False) -> Count:
        return Count(*name.split("/"), latest, embedded, {"factor": factors, "property": 7}, factors, 0, 0, 0, 1, 0, {})

    counts = [
        line("eea/electricity/co2-emission-intensity-6", 2000, latest=False),
        line("eea/electricity/electricity-generation-5", 300),
        line("unfccc/ifi-grid/2021-v3.1", 40),
        line("ipcc/gwp/ar6", 5, latest=False, embedded=True),
    ]
    page = sources_page(counts, catalogue())
    assert "2,345 factors over all vintages, 340 in the latest" in page
    assert "`greenlang factors sync` by itself loads 2,305 factors over all vintages, 300 in the latest" in page
    assert "- `--source unfccc/ifi-grid`: 40 factors (UNFCCC publication" in page
    assert "by itself loads" not in sources_page(counts[:2], catalogue())


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    done = call(tmp_path / "var", "sync", "--from", str(tmp_path / "nowhere"))
    assert done.exit_code == 2
    assert "is no folder" in done.output


@pytest.mark.slow
@pytest.mark.xdist_group("full_table")
def test_the_whole_catalogue_gives_57000_factors_of_the_latest_vintages_and_100000_over_all(
    prepared: tuple[Settings, list[EditionRead]], full_table: FactorTable
) -> None:
    _, editions = prepared
    seen, kept, refused = totals(editions)
    assert seen == kept + refused
    counts = count(full_table, None, catalogue())
    total = total_of(counts)
    whole = {kind: total["kinds"][kind] for kind in ("factor", "gas-part", "stage", "ingredient-share", "gwp")}
    assert total["factors"] == sum(whole.values())
    assert total["factors_latest"] >= 57_000
    assert total["factors"] >= 100_000
    # whole factors alone, without parts, stages and shares
    assert whole["factor"] >= 57_000


@pytest.mark.slow
def test_the_release_passes_its_gates_and_the_page_of_the_sources_is_up_to_date(
    prepared: tuple[Settings, list[EditionRead]], tmp_path: Path, shared: Path
) -> None:
    settings = Settings(var=tmp_path / "var", workers=2)
    shutil.copytree(prepared[0].var / "factors" / "editions", settings.var / "factors" / "editions")
    names = tuple(edition.name for edition in catalogue() if not edition.open)
    done = sync(settings, folder=shared / "data", wanted=names)
    assert done.release is not None
    assert done.missing == ()
    assert not any(edition.fresh for edition in done.read)
    store: Releases = releases(settings)
    assert store.pinned == done.release.name
    counts = done.release.counts
    assert counts["eligible"] < counts["checked"] + counts["eligible"]
    assert 0 < counts["eligible"] < counts["catalogued"]
    assert (DOCS / "sources.md").read_text() == sources(settings), "run: python -m tools.docs ../shared/data"
