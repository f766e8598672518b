"""Table inputs, sums over their rows, parameter tables: the reference evaluator's figures, to the digit."""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk import decimals
from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import sum_over
from greenlang_sdk.errors import CalculationError, NotCovered, PackDamaged, Several
from greenlang_sdk.factors import PinnedFactor, PinnedTable, read_tables
from greenlang_sdk.models import Number, Record, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang import errors
from greenlang.formulas import exact
from greenlang.formulas.evaluate import LookupMiss, evaluate
from greenlang.formulas.tree import Arithmetic, Call, Compare, If, Name, Negate, Node, Sum, TableCall
from greenlang.formulas.tree import Number as Literal
from greenlang.formulas.tree import Text as Word
from tests.sdk.agents import METHANE, Load, Tip

CORRECTION: dict[tuple[str, ...], Decimal] = {
    ("managed",): Decimal(1),
    ("open",): Decimal("0.4"),
    ("deep",): Decimal("0.8"),
}
TABLE = PinnedTable(
    name="correction.mcf",
    inputs=("site",),
    unit="1",
    rows={
        key: PinnedFactor(f"table://correction/{key[0]}/mcf", value, "1", "an example, Table 1", digest(value))
        for key, value in CORRECTION.items()
    },
)


class Row(Record):
    mass: Number
    share: Number
    site: Text


@dataclass(frozen=True)
class Pair:
    """A body of a sum as the tree that is evaluated and as the Python that an agent would hold."""

    node: Node
    python: str


def column(name: str) -> Pair:
    return Pair(Name(name=f"rows.{name}", kind="column"), f"row.{name}")


def literal(value: Decimal) -> Pair:
    return Pair(Literal(value), f'Decimal("{value}")')


def arithmetic(op: Any, left: Pair, right: Pair) -> Pair:
    node = Arithmetic(op, left.node, right.node)
    return Pair(node, f"power({left.python}, {right.python})" if op == "**" else f"({left.python} {op} {right.python})")


def call(function: str, *arguments: Pair) -> Pair:
    return Pair(
        Call(function, tuple(a.node for a in arguments)), f"{function}({', '.join(a.python for a in arguments)})"
    )


def choice(op: Any, left: Pair, right: Pair, then: Pair, otherwise: Pair) -> Pair:
    test = Compare(op, left.node, right.node)
    python = f"({then.python} if {left.python} {op} {right.python} else {otherwise.python})"
    return Pair(If(test, then.node, otherwise.node), python)


NUMBERS = st.decimals(-(10**6), 10**6, allow_nan=False, places=4) | st.decimals(
    allow_nan=False, allow_infinity=False
).filter(lambda d: not d or -200 < d.adjusted() < 200)
LOOKED_UP = Pair(
    TableCall("correction", "mcf", (("site", Name(name="rows.site", kind="column", type="text")),), CORRECTION),
    "table.value(row.site)",
)
FIXED = Pair(TableCall("correction", "mcf", (("site", Word("open")),), CORRECTION), 'table.value("open")')
LEAVES = st.sampled_from(
    [column("mass"), column("share"), LOOKED_UP, FIXED, Pair(Name(name="scale", kind="input"), "scale")]
) | NUMBERS.map(literal)


def grown(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.builds(arithmetic, st.sampled_from(["+", "-", "*", "/", "**"]), parts, parts),
        st.builds(call, st.sampled_from(["min", "max"]), parts, parts),
        st.builds(call, st.sampled_from(["abs", "sqrt", "ln", "log10", "exp"]), parts),
        st.builds(lambda part: Pair(Negate(part.node), f"(-{part.python})"), parts),
        st.builds(choice, st.sampled_from(["<", "<=", "==", "!="]), parts, parts, parts, parts),
    )


BODIES = st.recursive(LEAVES, grown, max_leaves=8)
ROWS = st.lists(
    st.builds(Row, mass=NUMBERS, share=NUMBERS, site=st.sampled_from(["managed", "open", "deep"])), max_size=5
)


def agent_side(body: Pair, rows: tuple[Row, ...], scale: Decimal) -> Decimal:
    names: dict[str, object] = {
        **{name: getattr(decimals, name) for name in ("sqrt", "exp", "ln", "log10", "power")},
        "Decimal": Decimal,
        "table": TABLE,
        "scale": scale,
    }
    function: Callable[[Row], Decimal] = eval(f"lambda row: {body.python}", names)
    return sum_over(rows, function)


def reference(body: Pair, rows: tuple[Row, ...], scale: Decimal) -> Decimal:
    value = evaluate(Sum("rows", body.node), {"rows": [row.as_dict() for row in rows], "scale": scale}, {})  # type: ignore[misc]
    assert isinstance(value, Decimal)
    return value


@settings(max_examples=300, deadline=None)
@given(BODIES, ROWS.map(tuple), NUMBERS)
def test_a_sum_has_the_digits_of_the_reference_evaluator(body: Pair, rows: tuple[Row, ...], scale: Decimal) -> None:
    try:
        expected = reference(body, rows, scale)
    except errors.CalculationError:
        with pytest.raises(CalculationError, match=r"^row [1-5]: "):
            agent_side(body, rows, scale)
        return
    got = agent_side(body, rows, scale)
    assert got.as_tuple() == expected.as_tuple()


def plain_arithmetic(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.builds(arithmetic, st.sampled_from(["+", "-", "*"]), parts, parts)


SMALL = st.decimals(-1000, 1000, allow_nan=False, places=2)
PLAIN = st.recursive(
    st.sampled_from([column("mass"), column("share"), LOOKED_UP]) | SMALL.map(literal), plain_arithmetic, max_leaves=4
)
SMALL_ROWS = st.lists(st.builds(Row, mass=SMALL, share=SMALL, site=st.sampled_from(["managed", "open"])), max_size=5)


@settings(deadline=None)
@given(PLAIN, SMALL_ROWS.map(tuple))
def test_a_sum_that_34_digits_hold_is_the_exact_one(body: Pair, rows: tuple[Row, ...]) -> None:
    given_ = {"rows": [row.as_dict() for row in rows]}
    expected = exact.answer(Sum("rows", body.node), given_, decimals=12)  # type: ignore[arg-type]
    assert decimals.round_output(agent_side(body, rows, Decimal(1)), 12) == expected


@settings(deadline=None)
@given(ROWS.map(tuple))
def test_the_caller_s_decimal_context_does_not_matter(rows: tuple[Row, ...]) -> None:
    expected = sum_over(rows, lambda row: row.mass)
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
        assert sum_over(rows, lambda row: row.mass) == expected


def test_rows_are_added_in_their_order_with_34_digits_at_each_step() -> None:
    def total(*masses: str) -> Decimal:
        return sum_over([Load(mass=Decimal(mass)) for mass in masses], lambda load: load.mass)

    tiny = ["4e-34"] * 5
    assert total("1", *tiny) == 1  # each is lost beside 1
    assert total(*tiny, "1") == Decimal("1.000000000000000000000000000000002")


def test_the_sum_over_no_rows_is_zero() -> None:
    assert sum_over((), lambda row: Decimal(1)) == 0
    assert reference(column("mass"), (), Decimal(1)) == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda load: load.mass / load.parts, "row 2: division by zero"),
        (lambda load: decimals.ln(load.parts), "row 2: logarithm of a number that is not positive"),
        (lambda load: METHANE.value(load.site), "row 2: methane correction factor: no row for site = shaft"),
    ],
)
def test_a_row_without_an_answer_is_told_by_its_number(body: Callable[[Load], Decimal], message: str) -> None:
    rows = (Load(mass=Decimal(1)), Load(mass=Decimal(2), parts=Decimal(0), site="shaft"))
    with pytest.raises((CalculationError, NotCovered)) as told:
        sum_over(rows, body)
    assert told.value.message == message


def test_a_bug_in_a_row_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        sum_over((1,), lambda row: dict[int, Decimal]()[row])


def test_a_key_that_no_row_has_is_refused_here_and_there() -> None:
    node = TableCall("correction", "mcf", (("site", Name(name="site", kind="input", type="text")),), CORRECTION)
    assert evaluate(node, {"site": "open"}, {}) == TABLE.value("open")
    with pytest.raises(LookupMiss):
        evaluate(node, {"site": "shaft"}, {})
    with pytest.raises(NotCovered, match="no row for site = shaft"):
        TABLE.value("shaft")


def test_an_agent_sums_the_rows_of_its_input() -> None:
    result = Tip().run({"loads": [{"mass": 10}, {"mass": "2.5", "site": "open"}, {"mass": 1, "parts": 4}]})
    assert result.data is not None, result.errors
    assert result.data.total == Decimal("11.25")
    assert [c.ref for c in result.citations] == ["table://correction/managed/mcf", "table://correction/open/mcf"]
    (step,) = result.chain
    assert [key for key, _ in step.factors] == ["table://correction/managed/mcf", "table://correction/open/mcf"]
    rows = [load.as_dict() for load in (Load(mass=Decimal(10)), Load(mass=Decimal("2.5"), site="open"))]
    assert step.as_dict()["arguments"] == {
        "loads": [*rows, {"mass": Decimal(1), "parts": Decimal(4), "site": "managed"}]
    }
    chain = {"agent": "test/tip", "version": "1.0.0", "inputs": step.as_dict()["arguments"], "steps": [step.as_dict()]}
    assert result.provenance == digest(chain)


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({"loads": [{"mass": -1}, {"mass": 1}, {"weight": 1}]}, ["loads.0.mass", "loads.2.mass", "loads.2.weight"]),
        ({"loads": {"mass": 1}}, ["loads"]),
        ({"loads": [{"mass": 1, "parts": 0}]}, ["tip"]),
        ({"loads": [{"mass": 1, "site": "shaft"}]}, ["site"]),
    ],
)
def test_a_mistake_in_a_row_is_told_by_its_place(payload: dict[str, object], fields: list[str]) -> None:
    assert [error.field for error in Tip().run(payload).errors] == fields


def test_a_tool_takes_rows_as_mappings() -> None:
    assert Tip().call_tool("tip", loads=[{"mass": 1}, Load(mass=Decimal(2))]) == 3
    with pytest.raises(Several, match="greater than or equal to 0"):
        Tip().call_tool("tip", loads=[{"mass": -1}])
    with pytest.raises(AttributeError):
        Tip().call_tool("tip", loads="what is no list is the function's to refuse")


def test_parameter_tables_are_read_and_proved_like_factors(tmp_path: Path) -> None:
    row = {
        "key": "table://correction/open/mcf",
        "value": "0.4",
        "unit": "1",
        "document": "An example document",
        "table": "Table 1",
        "cell": "unmanaged, shallow",
    }
    table = {
        "name": "correction.mcf",
        "inputs": ["site"],
        "unit": "1",
        "label": "methane correction factor",
        "rows": [{"when": ["open"], "factor": row["key"]}],
        "gaps": [],
    }
    path = tmp_path / "factors.json"
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"digest": digest(row)}]}))
    found = read_tables(path)["correction.mcf"].row("open")
    assert (found.value, found.ref) == (Decimal("0.4"), "table://correction/open/mcf")
    assert found.citation == "An example document, Table 1, unmanaged, shallow"
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"value": "0.5", "digest": digest(row)}]}))
    with pytest.raises(PackDamaged):
        read_tables(path)
