"""From the publishers' files to a release in force, through the command line and in the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.errors import FactorTableError
from greenlang.factors import FactorTable
from greenlang.factors.catalogue import catalogue, select
from greenlang.factors.editions import EditionRead, totals
from greenlang.factors.release import Releases
from greenlang.factors.stats import count
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
    var = str(tmp_path / "var")
    done = CliRunner().invoke(app, ["--var", var, "factors", "sync", "--from", str(few), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["release"] == "factors-1.0.0"
    assert all(e["seen"] == e["kept"] + sum(e["refused"].values()) for e in told["read"])
    assert told["missing"]
    shown = CliRunner().invoke(app, ["--var", var, "factors", "release", "list"])
    assert "factors-1.0.0" in shown.stdout
    refused = CliRunner().invoke(app, ["--var", var, "factors", "refused", "eea/electricity/electricity-generation-5"])
    assert "60 values of eea/electricity/electricity-generation-5 were refused in factors-1.0.0" in refused.stdout
    back = CliRunner().invoke(app, ["--var", var, "factors", "release", "pin", "embedded"])
    assert "in force: embedded-" in back.stdout
    assert FactorTable.in_force(tmp_path / "var" / "tables").release.startswith("embedded-")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--var", str(tmp_path), "factors", "sync", "--from", str(tmp_path / "nowhere")])
    assert done.exit_code == 2
    assert "is no folder" in done.output


@pytest.mark.slow
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
