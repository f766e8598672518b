"""Every template that comes with GreenLang is good: form, words, every region and sector resolved and proved."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.proof import LEAST_VECTORS, Checked, check_files, places, regions_served
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.factors import FactorTable
from greenlang.formulas.library import library

FILES = TemplateManager().files()


def checked(path: Path, *, every: bool) -> Checked:
    (one,) = check_files([path], FactorTable.load(), library(), every=every)
    return one


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", {path.parent: path for path in FILES}.values(), ids=name)
def test_a_template_of_each_domain_is_good(path: Path) -> None:
    """The quick one: `greenlang template validate --quick` on one file a domain."""
    found = checked(path, every=False)
    assert found.good, "\n".join(f.text(str(path)) for f in found.findings)
    assert found.variants >= 1 + found.served


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_template_is_good_for_every_sector_in_every_region(path: Path) -> None:
    found = checked(path, every=True)
    assert found.good, "\n".join(f.text(str(path)) for f in found.findings)
    assert found.served >= 1
    assert found.template is not None
    assert found.variants == len(places(found.template))


def test_names_are_unique_and_nothing_else_lies_in_the_folders() -> None:
    manager = TemplateManager()
    files = manager.files()
    assert [n for n, times in Counter(path.stem for path in files).items() if times > 1] == []
    folders = {d.folder for d in vocabulary().domains.values()}
    there = {p for p in manager.folder.rglob("*") if p.is_file() and p.parent.name in folders}
    assert there == set(files)


def test_what_the_worked_examples_serve() -> None:
    manager = TemplateManager()
    boiler = manager.get_template("steam-boiler-fuel-emissions")
    assert len(regions_served(boiler)) == len(vocabulary().regions)
    assert len(boiler.declared.spec.tests["golden"]) >= LEAST_VECTORS
    assert manager.get_template("cattle-enteric-methane").refusal("UK", "Poultry") != ""
    assert manager.get_template("listed-equity-financed-emissions").refusal("UK", "Retail") != ""
