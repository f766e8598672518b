"""Dividing a difference: Shapley values and a fixed order, as weights and in SQL."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.calc.restate_attribution import (
    CAUSES,
    MORE,
    Causes,
    Method,
    amount,
    parts,
    subsets,
    weights,
    whole,
    with_rest,
)

causes = st.sampled_from([CAUSES[:k] for k in (1, 2, 3, 4)])
methods = st.sampled_from(["shapley", "order"])


def part(values: dict[Causes, int], names: tuple[str, ...], cause: str, method: Method) -> Fraction:
    found, divisor = weights(names, cause, method)
    return Fraction(sum(times * values[chosen] for chosen, times in found.items()), divisor)


@given(names=causes, method=methods, data=st.data())
def test_the_parts_add_up_to_the_difference(names: tuple[str, ...], method: Method, data: st.DataObject) -> None:
    values = {chosen: data.draw(st.integers(-(10**20), 10**20)) for chosen in subsets(names)}
    total = sum(part(values, names, cause, method) for cause in names)
    assert total == values[frozenset(names)] - values[frozenset()]


@given(names=causes, data=st.data())
def test_shapley_favours_no_cause(names: tuple[str, ...], data: st.DataObject) -> None:
    """Causes that do the same have the same part; one that changes nothing has none; values add up."""
    sizes = [data.draw(st.integers(-(10**6), 10**6)) for _ in range(len(names) + 1)]
    alike = {chosen: sizes[len(chosen)] for chosen in subsets(names)}
    assert len({part(alike, names, cause, "shapley") for cause in names}) == 1
    idle = names[-1]
    without = {chosen: hash(tuple(sorted(chosen - {idle}))) % 1000 for chosen in subsets(names)}
    assert part(without, names, idle, "shapley") == 0
    both = {chosen: alike[chosen] + without[chosen] for chosen in alike}
    for cause in names:
        added = part(alike, names, cause, "shapley") + part(without, names, cause, "shapley")
        assert part(both, names, cause, "shapley") == added


def test_a_worked_case_of_two_causes() -> None:
    """Quantity 100 to 120, factor 2 to 3: 200 becomes 360. Worked by hand."""
    names = ("factors", "activities")
    values = {
        frozenset(): 200,
        frozenset({"factors"}): 300,
        frozenset({"activities"}): 240,
        frozenset(names): 360,
    }
    assert [part(values, names, cause, "shapley") for cause in names] == [110, 50]
    assert [part(values, names, cause, "order") for cause in names] == [100, 60]


numbers = st.integers(-(10**17), 10**17)


@given(names=causes, method=methods, decimals=st.sampled_from([0, 6, 12]), data=st.data())
def test_sql_gives_the_same_parts_and_an_exact_sum(
    names: tuple[str, ...], method: Method, decimals: int, data: st.DataObject
) -> None:
    values = {chosen: data.draw(numbers) for chosen in subsets(names)}
    columns = {chosen: f"CAST({value} AS HUGEINT)" for chosen, value in values.items()}
    found = parts(columns, names, method)
    aliases = {cause: f"a{n}" for n, cause in enumerate(names)}
    difference = f"({columns[frozenset(names)]} - {columns[frozenset()]})"
    inner = ", ".join(f"{sql} AS {aliases[cause]}" for cause, sql in found.items())
    outer = ", ".join(amount(sql, decimals + MORE) for sql in with_rest(aliases, difference).values())
    row = duckdb.sql(f"SELECT {outer} FROM (SELECT {inner})").fetchall()[0]
    unit = Decimal(1).scaleb(-decimals)
    assert sum(row) == (values[frozenset(names)] - values[frozenset()]) * unit
    for cause, value in zip(names, row, strict=True):
        exact = part(values, names, cause, method) * Fraction(unit)
        assert abs(Fraction(value) - exact) <= len(names) * Fraction(unit) / 10**MORE


@pytest.mark.parametrize("decimals", [0, 6, 12])
@given(value=st.integers(-(10**37), 10**37))
def test_whole_numbers_of_the_last_digit_lead_there_and_back(decimals: int, value: int) -> None:
    text = f"{Decimal(value).scaleb(-decimals, Context(prec=40)):f}"
    column = f"CAST('{text}' AS DECIMAL(38,{decimals}))"
    (found,) = duckdb.sql(f"SELECT {whole(column, decimals)}").fetchall()[0]
    assert found == value
    (back,) = duckdb.sql(f"SELECT {amount(f'{value}::HUGEINT', decimals)}").fetchall()[0]
    assert back == Decimal(text)
