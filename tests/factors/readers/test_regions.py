"""Country names and codes -> ISO 3166-1 alpha-2, against CLDR and against what our publishers print."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors.readers import _regions
from greenlang.factors.readers._regions import alpha3, iso2


def countries() -> list[list[str]]:
    with (data() / "emission_factors" / "aliases" / "iso3166.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"),
        ("DEU", "DE"),
        ("Germany", "DE"),
        ("Allemagne", "DE"),
        (" allemagne ", "DE"),
        ("UK", "GB"),
        ("EL", "GR"),
        ("USA", "US"),
        ("Côte d’Ivoire", "CI"),
        ("COTE D'IVOIRE", "CI"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Czechia", "CZ"),
        ("République Tchèque", "CZ"),
        ("Korea (South), Republic of", "KR"),
        ("Korea (North), Democratic People's Republic of", "KP"),
        ("Congo", "CG"),
        ("Democratic Republic of Congo", "CD"),
        ("Guyane", "GF"),
        ("Guyana", "GY"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Trinidad & Tobago", "TT"),
        ("Kosovo", "XK"),
        ("OWID_KOS", "XK"),
    ],
)
def test_a_country_is_found_by_code_and_by_name_in_two_languages(text: str, code: str) -> None:
    assert iso2(text) == code


@pytest.mark.parametrize("text", ["", "de", "no", "ZZ", "Korea", "Europe", "World", "CAMX", "European Union (27)"])
def test_what_is_no_country_or_shared_by_several_is_not_known(text: str) -> None:
    assert iso2(text) is None


def test_a_code_of_three_letters_is_found_back() -> None:
    assert (alpha3("DE"), alpha3("XK")) == ("DEU", "XKX")
    with pytest.raises(FactorTableError, match="`UK` is no ISO 3166-1 alpha-2 code"):
        alpha3("UK")


def test_the_table_holds_all_countries_of_iso_3166_1_and_kosovo() -> None:
    found = countries()
    assert len(found) == 250
    assert [line[0] for line in found] == sorted(line[0] for line in found)
    assert len({line[1] for line in found}) == 250
    assert all(len(line) == 5 and len(line[0]) == 2 and len(line[1]) == 3 and line[2] and line[3] for line in found)


def test_every_name_of_the_table_leads_to_its_code() -> None:
    for alpha2, three, english, french, other in countries():
        for name in (alpha2, three, english, french, *filter(None, other.split(" | "))):
            assert iso2(name) == alpha2


def test_names_and_codes_agree_with_cldr() -> None:
    babel = pytest.importorskip("babel")
    from babel.core import get_global

    english, french = babel.Locale("en").territories, babel.Locale("fr").territories
    aliases = get_global("territory_aliases")
    for alpha2, three, *_ in countries():
        assert iso2(english[alpha2]) == alpha2
        assert iso2(french[alpha2]) == alpha2
        # CLDR gives Kosovo XKK, the World Bank and Our World in Data XKX
        assert aliases.get("XKK" if three == "XKX" else three) == [alpha2]


def test_a_name_that_two_countries_claim_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "emission_factors" / "aliases"
    folder.mkdir(parents=True)
    (folder / "iso3166.csv").write_text("alpha2,alpha3,english,french,other\nAA,AAA,X,X,\nBB,BBB,Y,X,\n")
    monkeypatch.setattr(_regions, "data", lambda: tmp_path)
    with pytest.raises(FactorTableError, match="`X` is BB and AA"):
        _regions._table.__wrapped__()


def test_other_columns_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "emission_factors" / "aliases"
    folder.mkdir(parents=True)
    (folder / "iso3166.csv").write_text("alpha2,name\nDE,Germany\n")
    monkeypatch.setattr(_regions, "data", lambda: tmp_path)
    with pytest.raises(FactorTableError, match="the columns are"):
        _regions._table.__wrapped__()
