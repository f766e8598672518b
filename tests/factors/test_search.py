"""Text search: how well it ranks over the full tables, and what each of its parts does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors import FactorTable
from greenlang.factors.search import Hit, Search
from greenlang.factors.search_words import declared_words, read_words, tokens, understand
from greenlang.factors.search_worth import mark
from greenlang.factors.standing import Standing
from tests.factors.rows import row, table

QUERIES = yaml.safe_load(Path(__file__).with_name("search_queries.yaml").read_text(encoding="utf-8"))
SEEN, HELD_OUT, EVERYDAY = QUERIES["seen"], QUERIES["held_out"], QUERIES["everyday"]
EMBEDDED = Search(FactorTable.load())
pytestmark = pytest.mark.xdist_group("full_table")  # it takes 20 seconds: one worker makes it


def keys(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.factor.key for hit in hits]


@pytest.fixture(scope="session")
def full_search(full_table: FactorTable) -> Search:
    return Search(full_table)


def place(search: Search, query: str, answers: list[str]) -> int:
    """The place of the first right hit among ten, from 1; 0 if there is none."""
    found = keys(search.find(query, 10))
    right = [n for n, key in enumerate(found, 1) if any(fnmatchcase(key, answer) for answer in answers)]
    return right[0] if right else 0


@pytest.mark.slow
@pytest.mark.parametrize("entry", SEEN, ids=[entry["query"] for entry in SEEN])
def test_the_answer_is_among_the_first_three(full_search: Search, entry: dict[str, list[str]]) -> None:
    query, answers = str(entry["query"]), entry["answers"]
    assert place(full_search, query, answers) in {1, 2, 3}, keys(full_search.find(query, 5))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "entries", "reciprocal", "first", "third"),
    [("seen", SEEN, 0.95, 0.9, 1.0), ("held out", HELD_OUT, 0.8, 0.7, 0.85), ("everyday", EVERYDAY, 0.85, 0.8, 0.9)],
)
def test_queries_rank_well(
    full_search: Search, name: str, entries: list[dict[str, list[str]]], reciprocal: float, first: float, third: float
) -> None:
    places = [place(full_search, str(entry["query"]), entry["answers"]) for entry in entries]
    mean = sum(1 / n for n in places if n) / len(places)
    at_one = sum(n == 1 for n in places) / len(places)
    in_three = sum(0 < n <= 3 for n in places) / len(places)
    print(f"{len(places)} queries {name}: mean reciprocal rank {mean:.3f}, first {at_one:.0%}, in three {in_three:.0%}")
    missed = {str(entry["query"]): n for entry, n in zip(entries, places, strict=True) if n != 1}
    assert (mean >= reciprocal, at_one >= first, in_three >= third) == (True, True, True), missed


@pytest.mark.slow
def test_every_answer_is_a_key_of_the_tables(full_table: FactorTable) -> None:
    for entry in SEEN + HELD_OUT + EVERYDAY:
        for answer in entry["answers"]:
            head = answer.partition("*")[0]
            assert any(fnmatchcase(f.key, answer) for f in full_table.below(head.rsplit("/", 1)[0])), answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("passenger flight long haul", {"passenger_km", "passenger_mile"}, {"tonne_km", "ton_mile"}),
        ("air freight", {"tonne_km", "ton_mile"}, {"passenger_km", "passenger_mile"}),
        ("flight", {"passenger_km", "passenger_mile"}, {"tonne_km", "ton_mile"}),
        ("freight train", {"tonne_km", "ton_mile"}, {"passenger_km", "passenger_mile"}),
    ],
)
def test_people_and_goods_are_not_mixed_up(
    full_search: Search, query: str, wanted: set[str], unwanted: set[str]
) -> None:
    units = [hit.factor.per for hit in full_search.find(query, 10)]
    assert units[0] in wanted
    assert not unwanted & set(units), units


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", ["électricité usage chauffage", "TER gazole", "navette fluviale", "avion marchandises"]
)
def test_archived_rows_come_after_live_rows_of_the_same_text(full_search: Search, query: str) -> None:
    hits = full_search.find(query, 200)
    assert {"archived"} <= {hit.mark for hit in hits}
    assert all((hit.mark == "archived") == (hit.factor.status == "archived") for hit in hits)
    live: dict[str, int] = {}
    for place, hit in enumerate(hits):
        if not hit.mark:
            live[hit.factor.name] = place
    late = {hit.factor.name: n for n, hit in reversed(list(enumerate(hits))) if hit.mark == "archived"}
    assert all(live[name] < late[name] for name in late.keys() & live.keys())


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("hotel london", "desnz/business-travel/2025/hotel-stay-uk-london/co2e-per-room-night"),
        ("natural gas UK kWh gross", "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"),
        ("Erdgas UK kWh gross", "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"),
        ("lorry UK", "desnz/freight/2025/hgv-all/average-laden/co2e-per-tonne-km"),
        ("grid electricity CAMX", "epa/egrid/2023/electricity/camx/co2-per-mwh"),
        ("anthracite 2024", "epa/stationary-combustion/2024/anthracite/co2-per-mmbtu"),
        ("R410a", "epa/refrigerant-blends/2025/r-410a/gwp-100"),
        ("anthracit", "epa/stationary-combustion/2025/anthracite/co2-per-mmbtu"),
    ],
)
def test_the_first_hit_over_the_embedded_base(query: str, first: str) -> None:
    assert keys(EMBEDDED.find(query, 3))[0] == first


@pytest.mark.parametrize("query", ["", "   ", "the of and", "qqqqqq", "?!", "zz"])
def test_nothing_is_found_where_nothing_is_asked(query: str) -> None:
    assert EMBEDDED.find(query) == ()


def test_an_empty_table_holds_nothing() -> None:
    assert Search(table()).find("diesel") == ()


def test_as_many_as_asked_for_and_the_best_first() -> None:
    hits = EMBEDDED.find("diesel", 7)
    assert len(hits) == 7
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_rows_that_differ_in_gas_edition_multiple_of_the_unit_or_region_are_one_hit() -> None:
    rows = table(
        row("desnz/fuels/2024/diesel/co2e-per-mwh", unit="kgCO2e/MWh", publication_year=2024),
        row("desnz/fuels/2025/diesel/co2e-per-gj", unit="kgCO2e/GJ"),
        row("desnz/fuels/2025/diesel/co2e-per-kwh"),
        row("desnz/fuels/2025/diesel/of-ch4/co2e-per-kwh", kind="gas-part", activity="diesel/of-ch4"),
        row("desnz/fuels/2025/fr/diesel/co2e-per-kwh", activity="diesel", region="FR"),
    )
    (hit,) = Search(rows).find("diesel")
    assert hit.alike == 4
    assert hit.factor.vintage == "2025"
    assert hit.factor.region == "GB"
    french = Search(rows).find("diesel France")
    assert [(found.factor.region, found.alike) for found in french] == [("FR", 0), ("GB", 3)]


def test_unlike_units_are_never_one_hit() -> None:
    rows = table(
        row("ademe/bc/22/flight/1/co2e-per-passenger-km", activity="flight", unit="kgCO2e/passenger_km"),
        row("ademe/bc/22/flight/2/co2e-per-passenger-mile", activity="flight", unit="kgCO2e/passenger_mile"),
        row("ademe/bc/22/flight/3/co2e-per-tonne-km", activity="flight", unit="kgCO2e/tonne_km"),
        row("ademe/bc/22/flight/4/co2e-per-litre", activity="flight", unit="kgCO2e/litre"),
        row("ademe/bc/22/flight/5/density", activity="flight", unit="kg/litre", kind="property", gas=""),
    )
    hits = Search(rows).find("flight")
    assert [hit.alike for hit in hits] == [1, 0, 0, 0]
    assert {hit.factor.key.rpartition("/")[2] for hit in hits[1:]} == {"co2e-per-tonne-km", "co2e-per-litre", "density"}


@pytest.mark.parametrize("people_first", [True, False])
def test_who_asks_for_people_gets_no_goods_and_the_other_way_round(people_first: bool) -> None:
    units = ("passenger_km", "tonne_km") if people_first else ("tonne_km", "passenger_km")
    rows = table(
        row(f"x/a/2025/flight/{n}/x", publisher="desnz", unit=f"kgCO2e/{unit}") for n, unit in enumerate(units)
    )
    for query in ("flight", "passenger flight", "flight economy class"):
        assert Search(rows).find(query)[0].factor.per == "passenger_km"
    for query in ("flight freight", "flight cargo"):
        assert Search(rows).find(query)[0].factor.per == "tonne_km"


def test_waste_and_money_come_first_only_where_they_are_asked() -> None:
    rows = table(
        row("x/a/2025/beef/food/x", publisher="desnz"),
        row("x/a/2025/beef/bin/x", publisher="desnz", scope_category="3.5"),
        row("x/a/2025/beef/till/x", publisher="desnz", currency="USD", unit="kgCO2e/USD"),
    )
    assert keys(Search(rows).find("beef"))[0] == "x/a/2025/beef/food/x"
    worth = {hit.factor.key.split("/")[4]: hit.score for hit in Search(rows).find("beef")}
    asked = {hit.factor.key.split("/")[4]: hit.score for hit in Search(rows).find("beef spend waste")}
    assert worth["food"] > worth["till"] > worth["bin"]
    assert asked["food"] == pytest.approx(asked["till"]) == pytest.approx(asked["bin"])


def test_archived_rows_are_marked_and_come_after_live_ones_however_old() -> None:
    rows = table(
        row("ademe/bc/22/mix/old/x", activity="mix", data_year=1980, unit="kgCO2e/kWh"),
        row("ademe/bc/22/mix/new/x", activity="mix", data_year=2025, status="archived", unit="kgCO2e/kg"),
        row("ademe/bc/22/mix/newer/x", activity="mix", data_year=2026, status="superseded", unit="kgCO2e/litre"),
    )
    hits = Search(rows).find("mix")
    assert [hit.mark for hit in hits] == ["", "superseded", "archived"]


def test_a_live_row_stands_for_its_archived_likes() -> None:
    rows = table(
        row("ademe/bc/21/mix/x", publication_year=2021),
        row("ademe/bc/22/mix/x", publication_year=2022, status="archived"),
    )
    (hit,) = Search(rows).find("mix")
    assert (hit.factor.vintage, hit.mark, hit.alike) == ("21", "", 1)


def test_a_later_edition_is_shown_only_if_it_is_as_eligible() -> None:
    older = row("ademe/bc/21/mix/x", publication_year=2021)
    for use, vintage in (("inventory", "22"), ("project", "21")):
        (hit,) = Search(table(older, row("ademe/bc/22/mix/x", publication_year=2022, permitted_use=use))).find("mix")
        assert hit.factor.vintage == vintage


@pytest.mark.parametrize(
    ("fields", "standing", "word"),
    [
        ({}, {"eligible": True}, ""),
        ({"status": "archived"}, {}, "archived"),
        ({"status": "archived", "kind": "stage"}, {"finding": "f"}, "archived"),
        ({}, {"finding": "factor-1000"}, "excluded"),
        ({"permitted_use": "project"}, {}, "project"),
        ({"kind": "gas-part", "part_of": "a/b"}, {}, "gas-part"),
        ({"part_of": "a/b"}, {}, "part"),
        ({"taken_from": "iea"}, {}, "restricted"),
    ],
)
def test_rows_that_are_not_eligible_by_default_are_marked(
    fields: dict[str, str], standing: dict[str, object], word: str
) -> None:
    how = Standing(**{"checked": False, "eligible": False, **standing})  # type: ignore[arg-type]
    assert mark(row("x/a/2025/steel/x", **fields), how) == word


def test_years_in_the_publishers_words_are_one_hit_and_the_latest_is_shown() -> None:
    rows = table(
        row(
            f"ademe/bc/22/electricite/{year}-mix-moyen/{year}/x",
            activity=f"electricite/{year}-mix-moyen",
            name=f"Electricité, {year} - mix moyen",
            data_year=year,
            language="fr",
        )
        for year in (2008, 2021, 2015)
    )
    (hit,) = Search(rows).find("électricité mix moyen")
    assert (hit.factor.data_year, hit.alike) == (2021, 2)
    (hit,) = Search(rows).find("électricité mix moyen 2015")
    assert hit.factor.data_year == 2015


def test_the_year_in_a_name_counts_where_the_row_states_none() -> None:
    rows = table(
        row(f"ademe/base-carbone/22/metro/{year}/x", activity=f"metro/{year}", name=f"Métro, {year}")
        for year in (2019, 2018)
    )
    assert [hit.factor.name for hit in Search(rows).find("metro")] == ["Métro, 2019", "Métro, 2018"]
    for year in (2018, 2019):
        assert keys(Search(rows).find(f"metro {year}"))[0] == f"ademe/base-carbone/22/metro/{year}/x"


def test_a_french_name_is_found_by_what_it_names() -> None:
    names = ("Tuile béton", "Béton armé", "Mur béton")
    rows = table(row(f"ademe/bc/22/{n}/x", activity=str(n), name=name, language="fr") for n, name in enumerate(names))
    assert Search(rows).find("concrete")[0].factor.name == "Béton armé"


def test_a_query_with_french_letters_finds_french_names_first() -> None:
    rows = table(
        row("ademe/bc/22/a/x", activity="a", name="acier et métal"),
        row("ademe/bc/22/b/x", activity="b", name="acier et métal", language="fr"),
    )
    assert keys(Search(rows).find("acier métal"))[0] == "ademe/bc/22/b/x"
    assert understand("acier métal", frozenset()).french
    assert not understand("acier metal Stahl für", frozenset()).french


def test_an_average_comes_before_its_cases() -> None:
    rows = table(row(f"x/a/2025/{size}-car/x", publisher="desnz") for size in ("1-large", "2-average", "3-small"))
    assert keys(Search(rows).find("car"))[0] == "x/a/2025/2-average-car/x"


def test_a_narrower_word_is_read_in_one_direction() -> None:
    (heating,) = understand("heating", frozenset()).terms
    (chaudiere,) = understand("chaudiere", frozenset()).terms
    assert ("stationary", "combustion") in [alternative.words for alternative in heating.alternatives]
    assert ("heating",) not in [alternative.words for alternative in chaudiere.alternatives]


def test_wholes_come_before_parts_and_figures_in_force_before_others() -> None:
    rows = table(
        row("x/a/2025/steel/whole/x", publisher="desnz"),
        row("x/a/2025/steel/other/x", publisher="desnz", status="archived"),
        row("x/a/2025/steel/stage/x", publisher="desnz", kind="stage"),
        row("x/a/2025/steel/uses/x", publisher="desnz", permitted_use="project"),
        row("x/a/2025/steel/made/x", publisher="desnz", boundary="WTT"),
    )
    assert keys(Search(rows).find("steel"))[0] == "x/a/2025/steel/whole/x"
    assert keys(Search(rows).find("steel"))[-1] == "x/a/2025/steel/other/x"


def test_a_year_is_that_of_the_publishers_rule() -> None:
    rows = table(
        row(f"desnz/fuels/{year}/diesel/x", reporting_year=year, data_year=year - 2, publication_year=year)
        for year in (2022, 2024)
    )
    assert keys(Search(rows).find("diesel 2022")) == ["desnz/fuels/2022/diesel/x"]
    assert keys(Search(rows).find("diesel 2024")) == ["desnz/fuels/2024/diesel/x"]
    assert keys(Search(rows).find("diesel")) == ["desnz/fuels/2024/diesel/x"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Électricité, bœuf hachés", ("electricite", "boeuf", "hache")),
        ("HFC-134a, R 410A, R-404A", ("hfc134a", "r410a", "r404a")),
        ("lorries boxes glasses branches", ("lorry", "box", "glass", "branche")),
        ("gas glass Paris diesel class", ("gas", "glass", "paris", "diesel", "class")),
        ("Heizöl über Straße", ("heizoel", "ueber", "strasse")),
        ("kgCO2e/tonne_km", ("kgco2e", "tonne", "km")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert tokens(text) == words


def test_what_a_query_asks_for() -> None:
    known = frozenset({"CAMX", "GB", "FR"})
    query = understand("EPA grid power CAMX 2023", known)
    assert query.regions == {"CAMX"}
    assert query.years == {2023}
    assert query.publishers == {"epa"}
    assert query.sides == frozenset()
    assert understand("end of life of goods", known).sides == {"waste", "freight"}
    assert understand("no water in it", known).regions == frozenset()  # Norway, India, Italy: only in capitals
    assert understand("diesel uk", known).regions == {"GB"}
    assert understand("train Royaume-Uni", known).regions == {"GB"}
    assert understand("steel United States", known).regions == {"US"}
    (term,) = understand("heavy goods vehicle", known).terms
    assert ("lorry",) in [alternative.words for alternative in term.alternatives]


def test_no_word_stands_in_two_lists_of_synonyms_with_other_meanings() -> None:
    groups = [[tokens(name) for name in group] for group in declared_words().synonyms]
    assert all(len(set(group)) == len(group) for group in groups)
    assert not {word for group in groups for word in group if len(word) == 1} & {
        tokens(w) for w in declared_words().noise
    }


def test_words_that_are_none_are_refused(tmp_path: Path) -> None:
    source = data() / "emission_factors" / "aliases" / "search.yaml"
    path = tmp_path / "search.yaml"
    path.write_text(
        source.read_text(encoding="utf-8").replace("- [steel, acier, stahl]", "- [Steel, acier]"), encoding="utf-8"
    )
    with pytest.raises(FactorTableError, match=r"search\.yaml: synonyms\.\d+\.0: String should match pattern"):
        read_words(path)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_searched(text: str) -> None:
    for hit in EMBEDDED.find(text, 5):
        assert hit.score > 0
        assert hit.alike >= 0


@settings(max_examples=40, deadline=None)
@given(st.permutations(["diesel", "lorry", "average", "UK", "2025"]))
def test_the_order_of_words_changes_little(words: list[str]) -> None:
    assert keys(EMBEDDED.find(" ".join(words), 1)) == keys(EMBEDDED.find("diesel lorry average UK 2025", 1))
