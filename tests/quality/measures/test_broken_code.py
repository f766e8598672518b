"""A pack that is wrong in one way fails the measure that is about it, and says where: code, tests, determinism."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from greenlang.factory.outcome import Detail
from greenlang.quality import judge
from greenlang.quality.judgement import Difference
from greenlang.quality.tools import Finding
from greenlang.resolution.plan import Missing
from greenlang.sandbox.trial import Mutation
from greenlang.sandbox.verdict import CoverageResult, Evaluation
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import LedgerLine
from tests.quality.good import (
    PACKAGE,
    PROFILE,
    case,
    evaluations,
    mutants,
    mutation,
    output,
    resolution,
    spec_with,
    trial,
    unmet,
    verdict,
)
from tests.quality.measures.broken import (
    BESIDE,
    MODELS,
    TOOLS,
    Files,
    Runs,
    Several,
    answered,
    append,
    check_file,
    check_run,
    failed,
    one_provenance,
    unrun,
    without,
)

FILES: Files = {
    "bare except": (
        append("demos/command_line.py", "\ntry:\n    print()\nexcept:\n    print()\n"),
        "implementation.error handling",
        "catches everything",
    ),
    "blanket except": (
        append(BESIDE, "\n\ndef _f() -> None:\n    try:\n        print()\n    except Exception:\n        print()\n"),
        "implementation.error handling",
        "catches Exception",
    ),
    "dropped error": (
        append(BESIDE, "\n\ntry:\n    print()\nexcept ValueError:\n    pass\n"),
        "implementation.error handling",
        "drops what it caught",
    ),
    "complexity": (
        append(
            BESIDE,
            '\n\ndef _f(x: int) -> int:\n    """F."""\n' + "    if x > 1:\n        x -= 1\n" * 11 + "    return x\n",
        ),
        "implementation.complexity",
        "_f has 12 branches, more than 10",
    ),
    "clock": (append(TOOLS, "\nimport time\n"), "determinism.no model, no chance", "imports time"),
    "clock behind another module": (
        lambda pack: (
            append(TOOLS, "\nfrom . import more\n")(pack),
            append(f"{PACKAGE}/more.py", '"""M."""\nimport uuid\n')(pack),
        ),
        "determinism.no model, no chance",
        f"{PACKAGE}/more.py:2: import imports uuid",
    ),
}

# files that several measures are about: all of them, and no other
SEVERAL: Several = {
    "foreign import": (
        append(MODELS, "\nimport numpy  # noqa\n"),
        {
            "implementation.imports",
            "integration.dependencies declared",
            "compliance_security.sbom true",
        },
    ),
    "syntax": (
        append("demos/notebook.py", "\ndef (\n"),
        {"implementation.syntax", "implementation.types"},
    ),
}

RUNS: Runs = {
    "no plan": (
        lambda: {
            "resolution": dataclasses.replace(
                resolution(),
                plans={k: v for k, v in resolution().plans.items() if k != "losses"},
                order=tuple(n for n in resolution().order if n != "losses"),
                missing=(Missing("losses", "nothing fits"),),
            )
        },
        {"specification.outputs planned"},
        "losses",
    ),
    "contradiction": (
        lambda: {
            "resolution": dataclasses.replace(resolution(), diagnostics=(Diagnostic("GLS041", "error", "kWh + GB"),))
        },
        {"specification.no contradiction"},
        "GLS041 kWh + GB",
    ),
    "ledger": (
        lambda: {"resolution": spec_with(ledger=(LedgerLine("realtime", "ignored"),))},
        {"specification.ledger"},
        "realtime",
    ),
    "owners": (
        lambda: {"resolution": spec_with(owners=())},
        {"specification.fields", "continuous_improvement.review"},
        "owners",
    ),
    "licence": (
        lambda: {"resolution": spec_with(license="")},
        {
            "specification.fields",
            "compliance_security.licence",
            "deployment_readiness.one story",
            "determinism.statements",
        },
        "licence",
    ),
    "failed test": (
        lambda: {"trial": trial(tests=failed("fields_say"), again=failed("fields_say"))},
        {"tests.passed"},
        "assert 1 == 2",
    ),
    "integration test": (
        lambda: {"trial": trial(tests=failed("logging_changes"), again=failed("logging_changes"))},
        {"tests.passed", "integration.integration tests"},
        "",
    ),
    "escaped": (
        lambda: {
            "trial": trial(
                tests=verdict(status="escaped", attempts=("socket.connect",)), again=verdict(status="escaped")
            )
        },
        {"tests.passed", "exit_criteria.cost of a call"},
        "socket.connect",
    ),
    "flaky": (
        lambda: {"trial": trial(again=failed("fields_say"))},
        {"tests.stable"},
        "passed, then failed",
    ),
    "test that is gone": (
        lambda: {"trial": trial(again=verdict(tests=verdict().tests[1:]))},
        {"tests.stable"},
        "then not run",
    ),
    "low coverage": (
        lambda: {"trial": trial(tests=verdict(coverage=CoverageResult(80, 100, 17, 20)))},
        {"tests.coverage"},
        "80.83 %",
    ),
    "no coverage": (lambda: {"trial": trial(tests=verdict(coverage=None))}, {"tests.coverage"}, "not measured"),
    "few tests": (
        lambda: {"trial": trial(tests=verdict(tests=verdict().tests[::3]), again=verdict(tests=verdict().tests[::3]))},
        {"tests.count"},
        "of 40 or more",
    ),
    "no category": (
        lambda: {
            "trial": trial(
                tests=verdict(tests=without("test_boundary")),
                again=verdict(tests=without("test_boundary")),
            )
        },
        {"tests.categories"},
        "boundary",
    ),
    "survivors": (
        lambda: {
            "mutants": [*mutants()[2:], *mutants("survived")[:2]],
            "trial": trial(mutation=mutation([*mutants()[2:], *mutants("survived")[:2]])),
        },
        {"tests.mutation score"},
        f"18 of 20 killed (survived: {PACKAGE}/tools.py:1 unit swapped",
    ),
    "no mutant dies": (
        lambda: {"mutants": mutants("survived"), "trial": trial(mutation=mutation(mutants("survived")))},
        {"tests.mutation score", "tests.mutation control"},
        "0 of 20 killed",
    ),
    "control dies": (
        lambda: {"mutants": mutants(control="killed"), "trial": trial(mutation=mutation(mutants(control="killed")))},
        {"tests.mutation control"},
        "a change that changes nothing was killed",
    ),
    "mutants that end the process": (
        lambda: {
            "mutants": unrun(),
            "trial": trial(mutation=Mutation("failed", (), "more than 5 mutants ended the process")),
        },
        {"tests.mutation score", "tests.mutation control"},
        "more than 5 mutants ended the process",
    ),
    "control of the supervisor dies": (
        lambda: {
            "trial": trial(mutation=Mutation("failed", mutation(mutants()).results, "it kills what was not changed"))
        },
        {"tests.mutation control"},
        "it kills what was not changed",
    ),
    "other bytes": (
        lambda: {"trial": trial(evaluations=evaluations(output(), output().replace(b'"data"', b' "data"')))},
        {"determinism.identical"},
        "different bytes: answer 1 is",
    ),
    "one process": (
        lambda: {"tier": "quick", "trial": trial(evaluations=evaluations(output()))},
        {"determinism.identical"},
        "two are needed",
    ),
    "wrong figure": (
        lambda: {"trial": trial(evaluations=answered(b'"scope2":"177"', b'"scope2":"178"'))},
        {"determinism.as expected", "operations.one answer"},
        "one_megawatt_hour: scope2 is 178, expected 177",
    ),
    "nonsense": (
        lambda: {"trial": trial(evaluations=(Evaluation("timed_out", PROFILE, detail="stopped after 5 s"),) * 2)},
        {
            "determinism.identical",
            "determinism.as expected",
            "determinism.provenance",
            "compliance_security.input validation",
            "integration.refusals typed",
        },
        "timed_out: stopped after 5 s",
    ),
    "difference": (
        lambda: {
            "differences": [Difference("hidden 3", "scope2", {"agent": "1.2", "decimal": "1.3", "duckdb": "1.3"})]
        },
        {"determinism.differential"},
        "hidden 3: scope2 is 1.2 by agent, 1.3 by decimal, 1.3 by duckdb",
    ),
    "untraced number": (
        lambda: {"literals": [Detail("0.19 traces to nothing", TOOLS, 12)]},
        {"determinism.literal audit"},
        f"{TOOLS}:12: literal 0.19 traces to nothing",
    ),
    "no provenance": (
        lambda: {"trial": trial(evaluations=answered(b'"provenance":"', b'"provenance":"x'))},
        {"determinism.provenance", "operations.one answer"},
        "carries no digest",
    ),
    "provenance of another": (
        lambda: {"trial": trial(evaluations=one_provenance())},
        {"determinism.provenance"},
        "carries the digest of another answer",
    ),
    "lint": (
        lambda: {"lint": (Finding(TOOLS, 3, "F401", "unused"),)},
        {"implementation.lint"},
        f"{TOOLS}:3: F401 unused",
    ),
    "types": (
        lambda: {"types": (Finding(TOOLS, 3, "arg-type", "no"),)},
        {"implementation.types"},
        f"{TOOLS}:3: arg-type no",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_in_a_file_fails_one_measure(name: str, pack: Path) -> None:
    check_file(pack, *FILES[name])


@pytest.mark.parametrize("name", SEVERAL)
def test_what_several_measures_are_about_fails_those(name: str, pack: Path) -> None:
    change, wanted = SEVERAL[name]
    change(pack)
    assert unmet(judge(case(pack))) == wanted


@pytest.mark.parametrize("name", RUNS)
def test_what_was_run_fails_the_measures_that_rest_on_it(name: str, untouched: Path) -> None:
    make, wanted, said = RUNS[name]
    check_run(untouched, make(), wanted, said)
