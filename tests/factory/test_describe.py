"""What became of an agent, in Markdown: no word of a spec becomes markup."""

from __future__ import annotations

import pytest

from greenlang.factory import describe
from greenlang.factory.outcome import AgentOutcome
from greenlang.sandbox.verdict import Profile, TestResult, Verdict
from tests.factory.made_agents import planned

EVIL = {
    "<script>alert(1)</script>": "<script",
    "</script><img src=x onerror=alert(1)>": "<img",
    "![x](http://evil.example/x.png)": "![x](",
    "[y](javascript:alert(2))": "[y](",
    r"\[y](javascript:alert(2))": r" \[y](",
    "a\u202e\u0007\u001b[31mb": "\u202e",
    "long " * 2_000: "long " * 1_000,
}


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_no_text_of_a_spec_becomes_markup(evil: str) -> None:
    text = "".join(f"\\u{ord(c):04x}" for c in evil)
    resolution, findings = planned(
        "schema_version: '2.0.0'\nid: evil/words_v1\n"
        f'name: "{text}"\nversion: \'1.0.0\'\nsummary: "{text}"\nlicense: Apache-2.0\ncompute:\n'
        "  entrypoint: 'python://x:y'\n  inputs:\n    amount: {dtype: float64, unit: '1', ge: 0}\n"
        "  outputs:\n    total: {dtype: float64, unit: '1'}\n  formulas:\n    total: amount * 2\n"
    )
    assert resolution is not None, findings
    told = describe.plan(resolution)
    assert EVIL[evil] not in told
    assert "`total`" in told
    verdict = Verdict("failed", Profile("strict", ()), (TestResult(evil, "unit", "failed", 0.1, evil),), detail=evil)
    assert EVIL[evil] not in describe.tests(verdict)


def test_words_in_backticks_stay_as_they_are() -> None:
    assert describe.said("no plan for `a[b] < c`, see [1]") == "no plan for `a[b] < c`, see \\[1\\]"


def test_a_text_that_holds_a_secret_is_not_repeated() -> None:
    key = "AKIA" + "IOSFODNN7QXRTPLA"
    told = describe.said(f"Readings come with {key} from the bucket.")
    assert key not in told
    assert told == "(not repeated here: looks like a secret: AWS access key)"


def test_what_to_do_about_an_incomplete_agent_fits_its_dialect_and_names_the_model_it_waits_for() -> None:
    made = {"key": "a/b@1.0.0-01234567", "file": "b.yaml", "outcome": "incomplete", "reason": "no certain plan for x"}
    b = describe.report(AgentOutcome(**made, dialect="B"))  # type: ignore[arg-type]
    a = describe.report(AgentOutcome(**made, dialect="A", waits_for="model 0123456789abcdef"))  # type: ignore[arg-type]
    assert "compute.formulas" in b
    assert "llm status" not in b
    assert "compute.formulas" not in a  # dialect A has no such key
    assert "reviewed overlay" in a
    assert "greenlang llm status" in a
