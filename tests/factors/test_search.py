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
from tests.factors.rows import row, table

QUERIES = yaml.safe_load(Path(__file__).with_name("search_queries.yaml").read_text(encoding="utf-8"))
SEEN, HELD_OUT = QUERIES["seen"], QUERIES["held_out"]
EMBEDDED = Search(FactorTable.load())


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
    [("seen", SEEN, 0.95, 0.9, 1.0), ("held out", HELD_OUT, 0.8, 0.7, 0.85)],
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
    for entry in SEEN + HELD_OUT:
        for answer in entry["answers"]:
            head = answer.partition("*")[0]
            assert any(fnmatchcase(f.key, answer) for f in full_table.below(head.rsplit("/", 1)[0])), answer


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


def test_rows_that_differ_in_gas_edition_unit_or_region_are_one_hit() -> None:
    rows = table(
        row("desnz/fuels/2024/diesel/co2e-per-litre", unit="kgCO2e/litre", publication_year=2024),
        row("desnz/fuels/2025/diesel/co2e-per-litre", unit="kgCO2e/litre"),
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
