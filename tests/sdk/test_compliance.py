"""Rules as data: each judged by itself, none averaged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from greenlang_sdk.agent import need
from greenlang_sdk.compliance import ComplianceAgent, Finding, Rule, failed, not_applicable, passed
from greenlang_sdk.models import AgentInput, Number, Text, Truth

from tests.sdk.agents import TABLE


class Disclosure(AgentInput):
    scope1: Number | None = None
    revenue: Number = Decimal(1)
    listed: Truth = True
    fuel: Text = "gas"


def has_scope1(given: Disclosure) -> Finding:
    if given.scope1 is None:
        return failed("scope 1 is not disclosed")
    return passed("scope 1 is disclosed", scope1=given.scope1)


def has_intensity(given: Disclosure) -> Finding:
    if not given.listed:
        return not_applicable("speaks of listed companies", listed=given.listed)
    intensity = need(given.scope1, "scope1") / given.revenue
    if intensity > 100 * TABLE.value(given.fuel, "US"):
        return failed("the intensity is above the limit", intensity=intensity, limit=Decimal(50))
    return passed("the intensity is within the limit", intensity=intensity)


class Judge(ComplianceAgent[Disclosure]):
    agent_id = "test/judge"
    version = "1.0.0"
    input_model = Disclosure
    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule("E.1", "Gross scope 1 emissions are disclosed.", "an example standard, 1.1", has_scope1),
        Rule("E.2", "Emissions per revenue are disclosed.", "an example standard, 1.2", has_intensity),
    )


def verdicts(payload: dict[str, object]) -> tuple[str, list[str], list[str], list[str]]:
    result = Judge().run(payload)
    assert result.data is not None, result.errors
    report = result.data
    lists = (report.passed, report.failed, report.not_applicable)
    return (report.outcome, *([rule.id for rule in rules] for rules in lists))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"scope1": 10}, ("conforms", ["E.1", "E.2"], [], [])),
        ({"scope1": 1000}, ("does_not_conform", ["E.1"], ["E.2"], [])),
        ({"scope1": 1000, "listed": False}, ("conforms", ["E.1"], [], ["E.2"])),
        ({"listed": False}, ("does_not_conform", [], ["E.1"], ["E.2"])),
    ],
)
def test_every_rule_stands_under_its_verdict(payload: dict[str, object], expected: object) -> None:
    assert verdicts(payload) == expected


def test_a_report_in_which_no_rule_applies_does_not_conform_by_silence() -> None:
    class Narrow(Judge):
        rules = Judge.rules[1:]

    result = Narrow().run({"listed": False})
    assert result.data is not None
    assert result.data.outcome == "nothing_applies"


def test_a_result_holds_requirement_citation_reason_and_evidence() -> None:
    result = Judge().run({"scope1": "1000", "revenue": 8})
    assert result.data is not None
    (rule,) = result.data.failed
    assert rule.requirement == "Emissions per revenue are disclosed."
    assert rule.citation == "an example standard, 1.2"
    assert rule.reason == "the intensity is above the limit"
    assert rule.evidence == {"intensity": Decimal(125), "limit": Decimal(50)}


def test_rules_are_links_of_the_chain_with_the_rows_they_read_and_are_cited() -> None:
    result = Judge().run({"scope1": 10})
    assert [step.tool for step in result.chain] == ["E.1", "E.2"]
    assert result.chain[1].factors == (("epa/x", "aa"),)
    assert [c.ref for c in result.citations] == ["ef://epa/x", "rule://E.1", "rule://E.2"]
    assert result.citations[1].digest == Judge.rules[0].digest
    assert result.canonical() == Judge().run({"scope1": "10.0"}).canonical()


def test_provenance_depends_on_the_words_of_a_rule() -> None:
    class Reworded(Judge):
        rules = (Rule("E.1", "Other words.", "an example standard, 1.1", has_scope1),)

    class Same(Judge):
        rules = Judge.rules[:1]

    assert Reworded().run({"scope1": 1}).provenance != Same().run({"scope1": 1}).provenance


def test_checks_that_cannot_be_made_refuse_the_run_and_are_all_told() -> None:
    class Twice(Judge):
        rules = (*Judge.rules, Rule("third", "Again.", "nowhere", has_intensity))

    result = Twice().run({})
    assert result.data is None
    assert [(e.code, e.field, e.message) for e in result.errors] == [
        ("invalid_input", "scope1", "E.2: scope1 is needed for this calculation"),
        ("invalid_input", "scope1", "third: scope1 is needed for this calculation"),
    ]
    (divided,) = Judge().run({"scope1": 1, "revenue": 0}).errors
    assert (divided.code, divided.field, divided.message) == ("calculation", "E.2", "E.2: division by zero")


def test_a_bug_in_a_check_is_not_a_verdict() -> None:
    def wrong(given: Any) -> Finding:
        raise KeyError("a bug")

    class Buggy(Judge):
        rules = (Rule("x", "y", "z", wrong),)

    with pytest.raises(KeyError):
        Buggy().run({})


def test_rules_of_one_id_are_refused_when_the_agent_is_made() -> None:
    class Doubled(Judge):
        rules = (*Judge.rules, Judge.rules[0])

    with pytest.raises(ValueError, match="the ids of rules are unique"):
        Doubled()
