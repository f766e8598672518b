"""A pack that is wrong in one way fails exactly the measure that is about it, and says where."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenlang.factory.outcome import Detail
from greenlang.quality import DIMENSIONS, judge, source
from greenlang.quality.advisories import load
from greenlang.quality.judgement import Difference
from greenlang.quality.tools import Finding
from greenlang.resolution.plan import Missing
from greenlang.sandbox.trial import BlockResult, Mutation
from greenlang.sandbox.verdict import CoverageResult, Evaluation
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import LedgerLine
from tests.quality.good import (
    LOGS,
    PACKAGE,
    PROFILE,
    case,
    evaluations,
    files,
    findings,
    measures,
    mutants,
    mutation,
    output,
    resolution,
    service,
    spec_with,
    trees,
    trial,
    unmet,
    verdict,
    write,
)

TOOLS, MODELS = f"{PACKAGE}/tools.py", f"{PACKAGE}/models.py"
K8S = "deploy/k8s/deployment.yaml"


def edit(name: str, old: str, new: str, *, count: int = -1) -> Callable[[Path], None]:
    """Change a file of the pack; the old text must stand in it."""

    def change(pack: Path) -> None:
        path = pack / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, count))

    return change


def append(name: str, more: str) -> Callable[[Path], None]:
    def change(pack: Path) -> None:
        path = pack / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + more)

    return change


def bill(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(pack: Path) -> None:
        path = pack / "sbom.cdx.json"
        content = json.loads(path.read_bytes())
        change(content)
        path.write_text(json.dumps(content))

    return apply


def component(name: str, **values: Any) -> Callable[[Path], None]:
    def change(content: dict[str, Any]) -> None:
        next(c for c in content["components"] if c["name"] == name).update(values)

    return bill(change)


# name -> (change of the files, the one measure that fails, what it says)
FILES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "bare except": (
        append("demos/command_line.py", "\ntry:\n    print()\nexcept:\n    print()\n"),
        "implementation.error handling",
        "catches everything",
    ),
    "blanket except": (
        append(TOOLS, "\n\ndef _f() -> None:\n    try:\n        print()\n    except Exception:\n        print()\n"),
        "implementation.error handling",
        "catches Exception",
    ),
    "dropped error": (
        append(TOOLS, "\n\ntry:\n    print()\nexcept ValueError:\n    pass\n"),
        "implementation.error handling",
        "drops what it caught",
    ),
    "complexity": (
        append(
            TOOLS,
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
    "docstring": (
        append(MODELS, "\n\ndef more() -> None:\n    print()\n"),
        "documentation.docstrings",
        "models.py::more",
    ),
    "heading": (edit("README.md", "## Not covered", "## Open"), "documentation.readme", "Not covered"),
    "api page": (edit("docs/api.md", "upstream_losses", "u_l"), "documentation.api page", "upstream_losses"),
    "open fence": (append("docs/api.md", "\n```python\nx = 1\n"), "documentation.build", "a code fence is not closed"),
    "no table": (
        append("README.md", "\n| a | b |\n|---|---|---|\n| 1 | 2 |\n"),
        "documentation.build",
        "this table is none",
    ),
    "wide row": (
        append("README.md", "\n| a | b |\n|---|---|\n| 1 | 2 | 3 |\n"),
        "documentation.build",
        "a row of 3 cells",
    ),
    "dead link": (
        append("README.md", "\nSee [more](docs/more.md).\n"),
        "documentation.build",
        "docs/more.md leads nowhere",
    ),
    "dead anchor": (
        append("README.md", "\nSee [it](#nothing).\n"),
        "documentation.build",
        "there is no heading #nothing",
    ),
    "secret": (append("docs/api.md", "\nAKIAABCDEFGHIJKLMNOP\n"), "compliance_security.secrets", "AWS access key"),
    "password": (
        append("deploy/a.env", "DB_PASSWORD=hunter22horse\n"),
        "compliance_security.secrets",
        "deploy/a.env:1",
    ),
    "random text": (
        append("docs/api.md", '\n"q7Rz0PmKx9LwTf3VbYc8NdJh2GsAeU5i"\n'),
        "compliance_security.secrets",
        "text of high entropy",
    ),
    "bill without version": (
        bill(lambda c: c.pop("specVersion")),
        "compliance_security.sbom schema",
        "specVersion",
    ),
    "bill with an unknown key": (
        bill(lambda c: c.update(nonsense=1)),
        "compliance_security.sbom schema",
        "nonsense",
    ),
    "component of another version": (
        component("annotated-types", version="0.0.1", purl="pkg:pypi/annotated-types@0.0.1"),
        "compliance_security.sbom true",
        "annotated-types is",
    ),
    "component that is not there": (
        bill(
            lambda c: c["components"].append(
                {"type": "library", "name": "rich", "version": "1", "purl": "pkg:pypi/rich@1"}
            )
        ),
        "compliance_security.sbom true",
        "rich is named and not needed",
    ),
    "purl of another": (
        component("annotated-types", purl="pkg:pypi/other@1"),
        "compliance_security.sbom true",
        "annotated-types: its package URL names other 1",
    ),
    "digest of another length": (
        component("annotated-types", hashes=[{"alg": "SHA-256", "content": "a" * 40}]),
        "compliance_security.sbom true",
        "annotated-types: its SHA-256 is none",
    ),
    "reference to nothing": (
        bill(lambda c: c["dependencies"].append({"ref": "nothing@1"})),
        "compliance_security.sbom true",
        "the dependency nothing@1 is no component",
    ),
    "another licence": (
        edit("LICENSE", "SPDX-License-Identifier: Apache-2.0", "SPDX-License-Identifier: MIT"),
        "compliance_security.licence",
        "LICENSE is MIT",
    ),
    "another licence in the metadata": (
        edit("pyproject.toml", 'license = "Apache-2.0"', 'license = "MIT"'),
        "compliance_security.licence",
        "pyproject.toml says MIT, the spec Apache-2.0",
    ),
    "no health check": (
        edit("Dockerfile", "HEALTHCHECK ", "LABEL check="),
        "deployment_readiness.image file",
        "there is no health check",
    ),
    "latest": (
        edit("Dockerfile", "python:3.11-slim-bookworm", "python:latest"),
        "deployment_readiness.image file",
        "neither a tag nor a digest",
    ),
    "secret in the image": (
        append("Dockerfile", "ENV API_TOKEN=\n"),
        "deployment_readiness.image file",
        "ENV API_TOKEN puts a secret",
    ),
    "command through a shell": (
        append("Dockerfile", "CMD python -m uvicorn\n"),
        "deployment_readiness.image file",
        "goes through a shell",
    ),
    "unknown field": (
        edit("deploy/k8s/hpa.yaml", "minReplicas", "minReplica"),
        "deployment_readiness.manifests",
        "minReplica: is not a field that we know",
    ),
    "no yaml": (
        append("deploy/k8s/pdb.yaml", "\n  - [\n"),
        "deployment_readiness.manifests",
        "is no YAML",
    ),
    "selector that meets nothing": (
        edit("deploy/k8s/service.yaml", "  selector:\n    app", "  selector:\n    b"),
        "deployment_readiness.one story",
        "its selector meets no pod",
    ),
    "another port": (
        edit("Dockerfile", "EXPOSE 8080", "EXPOSE 9090"),
        "deployment_readiness.one story",
        "the image exposes [9090]",
    ),
    "manifest of the pack with another figure": (
        edit("pack.yaml", 'value: "0.0459"', 'value: "0.0549"'),
        "deployment_readiness.one story",
        "co2e-per-kwh.value is 0.0549, of the plan 0.0459",
    ),
    "manifest of the pack with another formula": (
        edit("pack.yaml", "consumption × generation_wtt", "consumption × losses_wtt"),
        "deployment_readiness.one story",
        "outputs.upstream.formula is consumption × losses_wtt, of the plan consumption × generation_wtt",
    ),
    "manifest of the pack without a limit": (
        edit("pack.yaml", '      le: "100000000000"\n', ""),
        "deployment_readiness.one story",
        "inputs.consumption.le is not said, of the plan 100000000000",
    ),
    "manifest of the pack with another licence": (
        edit("pack.yaml", "license: Apache-2.0", "license: MIT"),
        "deployment_readiness.one story",
        "license is MIT, of the plan Apache-2.0",
    ),
    "manifest of another pack": (
        edit("pack.yaml", "id: electricity/location_based_uk_v1", "id: electricity/other"),
        "deployment_readiness.one story",
        "id is electricity/other",
    ),
    "manifest of the pack that is none": (
        edit("pack.yaml", "compute:", "calculate:"),
        "deployment_readiness.one story",
        "it is no manifest of a pack",
    ),
    "probe of no route": (
        edit(K8S, "/health", "/healthz", count=1),
        "deployment_readiness.probes",
        "startup probe asks /healthz, which demos/api.py does not answer",
    ),
    "probe of no port": (
        edit(
            K8S,
            "              path: /health\n              port: http\n",
            "              path: /health\n              port: 81\n",
            count=1,
        ),
        "deployment_readiness.probes",
        "on which nobody listens",
    ),
    "no limit": (
        edit(K8S, "            limits:\n              memory: 256Mi\n", ""),
        "deployment_readiness.confinement",
        "has no limit of memory",
    ),
    "rights": (
        edit(K8S, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        "deployment_readiness.confinement",
        "may gain rights",
    ),
    "wheel without a file": (
        lambda pack: (pack / PACKAGE / "extra.bin.pyc").write_bytes(b""),
        "deployment_readiness.wheel",
        "extra.bin.pyc is not in it",
    ),
    "process module": (
        append(f"{PACKAGE}/logs.py", "\nimport subprocess\n"),
        "exit_criteria.cost of a call",
        "imports subprocess",
    ),
    "empty changelog": (
        lambda pack: (pack / "CHANGELOG.md").write_text("# Changelog\n"),
        "continuous_improvement.changelog",
        "there is no entry",
    ),
    "changelog of another version": (
        edit("CHANGELOG.md", "## 1.0.0", "## 0.9.0"),
        "continuous_improvement.changelog",
        "its first entry is 0.9.0",
    ),
    "class of another version": (
        edit(f"{PACKAGE}/agent.py", 'version = "1.0.0"', 'version = "1.0.1"'),
        "continuous_improvement.one version",
        "agent.py",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_in_a_file_fails_one_measure(name: str, pack: Path) -> None:
    change, wanted, said = FILES[name]
    change(pack)
    judgement = judge(case(pack))
    assert unmet(judgement) == {wanted}
    found = measures(judgement)[wanted]
    assert said in found.text
    assert found.share is not None
    assert found.share < 1
    assert found.details
    assert str(pack) not in repr(judgement)


# files that several measures are about: all of them, and no other
SEVERAL: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "foreign import": (
        append(MODELS, "\nimport numpy  # noqa\n"),
        {
            "implementation.imports",
            "integration.dependencies declared",
            "compliance_security.sbom true",
        },
    ),
    "no licence text": (
        lambda pack: (pack / "LICENSE").unlink(),
        {"compliance_security.licence", "deployment_readiness.wheel"},
    ),
    "root": (
        edit("Dockerfile", "USER 10001\n", "USER root\n"),
        {"deployment_readiness.image file", "deployment_readiness.one story"},
    ),
    "syntax": (
        append("demos/notebook.py", "\ndef (\n"),
        {"implementation.syntax", "implementation.types"},
    ),
    "undeclared": (
        edit("pyproject.toml", ', "pydantic>=2.11"', ""),
        {"integration.dependencies declared"},
    ),
    "unused": (
        edit("pyproject.toml", '"pydantic>=2.11"', '"pydantic>=2.11", "rich"'),
        {"integration.dependencies used", "compliance_security.sbom true"},
    ),
    "no bill": (
        lambda pack: (pack / "sbom.cdx.json").unlink(),
        {"compliance_security.sbom schema"},
    ),
    "no image file": (lambda pack: (pack / "Dockerfile").unlink(), {"deployment_readiness.image file"}),
    "no metadata": (
        lambda pack: (pack / "pyproject.toml").write_text("[project]\n"),
        {
            "compliance_security.sbom true",
            "continuous_improvement.one version",
            "deployment_readiness.wheel",
            "integration.dependencies declared",
        },
    ),
    "a licence that is not allowed": (
        bill(
            lambda c: c["components"].append(
                {"type": "library", "name": "chardet-of-nobody", "version": "1", "purl": "pkg:pypi/chardet-of-nobody@1"}
            )
        ),
        {"compliance_security.component licences", "compliance_security.sbom true"},
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_what_several_measures_are_about_fails_those(name: str, pack: Path) -> None:
    change, wanted = SEVERAL[name]
    change(pack)
    assert unmet(judge(case(pack))) == wanted


def without(*words: str) -> Any:
    """The tests in whose id none of these stands."""
    return tuple(test for test in verdict().tests if not any(word in test.id for word in words))


def failed(word: str) -> Any:
    """The tests, those failed in whose id the word stands."""
    made = [
        dataclasses.replace(test, outcome="failed", message="E  assert 1 == 2") if word in test.id else test
        for test in verdict().tests
    ]
    assert tuple(made) != verdict().tests
    return verdict(status="failed", tests=tuple(made))


def answered(old: bytes, new: bytes) -> Any:
    changed = output().replace(old, new)
    assert changed != output()
    return evaluations(changed, changed)


def refused_as(code: str) -> Any:
    return answered(b'"code":"invalid_input"', f'"code":"{code}"'.encode())


# name -> (changes of the case, the measures that fail, what the first says)
RUNS: dict[str, tuple[Callable[[], dict[str, Any]], set[str], str]] = {
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
        {"specification.fields", "compliance_security.licence", "deployment_readiness.one story"},
        "licence",
    ),
    "version": (
        lambda: {"resolution": spec_with(version="1.0")},
        {
            "continuous_improvement.version",
            "continuous_improvement.changelog",
            "continuous_improvement.one version",
            "deployment_readiness.one story",
            "operations.health",
        },
        "1.0",
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
        {"determinism.as expected"},
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
        {"determinism.provenance"},
        "carries no digest",
    ),
    "provenance of another": (
        lambda: {"trial": trial(evaluations=one_provenance())},
        {"determinism.provenance"},
        "carries the digest of another answer",
    ),
    "code block": (
        lambda: {"trial": trial(service=service(blocks=(BlockResult("README.md", 20, "failed", "NameError: x"),)))},
        {"documentation.code blocks"},
        "README.md:20: code block a code block fails: NameError: x",
    ),
    "no code block": (
        lambda: {"trial": trial(service=service(blocks=()))},
        {"documentation.code blocks"},
        "no code block could be run",
    ),
    "security": (
        lambda: {"security": (Finding(TOOLS, 3, "S307", "eval"),)},
        {"compliance_security.security rules"},
        f"{TOOLS}:3: S307 eval",
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
    "not refused": (
        lambda: {"trial": trial(evaluations=lax())},
        {"compliance_security.input validation", "integration.refusals typed"},
        "consumption given words: it was not refused",
    ),
    "refused for another reason": (
        lambda: {"trial": trial(evaluations=refused_as("calculation"))},
        {"compliance_security.input validation"},
        "refused with calculation",
    ),
    "refused without a code": (
        lambda: {"trial": trial(evaluations=refused_as("oops"))},
        {"compliance_security.input validation", "integration.refusals typed"},
        "refused with oops",
    ),
    "refusal that names another field": (
        lambda: {"trial": trial(evaluations=answered(b'"field":"consumption"', b'"field":"x"'))},
        {"compliance_security.input validation"},
        "the refusal names 'x'",
    ),
    "slow": (
        lambda: {"trial": trial(service=service(latency_ms=(0.1,) * 94 + (51.0,) * 6))},
        {"exit_criteria.latency"},
        "above 50 ms",
    ),
    "not timed": (
        lambda: {"trial": trial(service=service(status="out_of_memory", latency_ms=(), detail="8 GB"))},
        {"exit_criteria.latency", "exit_criteria.memory"},
        "no call was timed: out_of_memory 8 GB",
    ),
    "large": (lambda: {"trial": trial(service=service(memory_mb=65.0))}, {"exit_criteria.memory"}, "more than 64 MB"),
    "tools not called": (
        lambda: {"trial": trial(tests=verdict(tests=without(*calling())), again=verdict(tests=without(*calling())))},
        {"integration.tools callable"},
        "no test that was run calls a tool",
    ),
    "no basis": (
        lambda: {"resolution": without_basis()},
        {"business_impact.basis of CO2e"},
        "0 of 4 outputs in CO2e",
    ),
    "unhealthy": (
        lambda: {"trial": trial(service=service(http_status=500))},
        {"operations.health"},
        "GET /health answered 500",
    ),
    "health of another": (
        lambda: {"trial": trial(service=service(health={"status": "ok", "agent": "x/y", "version": "1.0.0"}))},
        {"operations.health"},
        "says agent 'x/y'",
    ),
    "metrics that count nothing": (
        lambda: {"trial": trial(service=service(metrics={"runs": 0}))},
        {"operations.metrics"},
        "counts nothing",
    ),
    "no metrics": (lambda: {"trial": trial(service=service(metrics={}))}, {"operations.metrics"}, "gives no count"),
    "plain logs": (
        lambda: {"trial": trial(service=service(logs=("it ran", LOGS[1])))},
        {"operations.logs"},
        "is no JSON object",
    ),
    "no run id": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace('"run_id":"1f",', ""), LOGS[1])))},
        {"operations.logs"},
        "has no run_id",
    ),
    "one run id": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0], LOGS[1].replace("2f", "1f"))))},
        {"operations.logs"},
        "two runs have one run id",
    ),
    "time without a zone": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace("+00:00", ""), LOGS[1])))},
        {"operations.logs"},
        "its time has no zone",
    ),
    "figures in the logs": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace("{", '{"consumption":"1000",', 1), LOGS[1])))},
        {"operations.logs keep still"},
        "holds consumption",
    ),
    "figure in a message": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace('"answered"', '"answered 177"'), LOGS[1])))},
        {"operations.logs keep still"},
        "message holds a figure",
    ),
    "sentence for a field": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0], LOGS[1].replace('"consumption"', '"is 1 above 0"'))))},
        {"operations.logs keep still"},
        "more than code and field",
    ),
    "errors that are no list": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace('"errors":[]', '"errors":"x"'), LOGS[1])))},
        {"operations.logs keep still"},
        "more than code and field",
    ),
    "figure under a known key": (
        lambda: {"trial": trial(service=service(logs=(LOGS[0].replace('"errors":[]', '"errors":1000'), LOGS[1])))},
        {"operations.logs keep still"},
        "holds",
    ),
}


def unrun() -> Any:
    return [dataclasses.replace(m, outcome="not run", by="") for m in mutants()]


def calling() -> list[str]:
    """Names of the tests that call tools."""
    return [
        name
        for path, tree in trees().items()
        if path.startswith("tests/")
        for name in source.tests_calling(tree, files()[path].decode(), ("call_tool", "calculate"))
    ]


def one_provenance() -> Any:
    """Every answer with the digest of the first one."""
    lines = [json.loads(line) for line in output().splitlines()]
    for line in lines:
        if line["ok"]:
            line["provenance"] = lines[0]["provenance"]
    said = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return evaluations(said, said)


def test_one_input_in_two_spellings_has_one_digest_and_that_is_no_fault(untouched: Path) -> None:
    """`5`, `5.0` and a default that is given are the same input: their answers share digest and data."""
    answered = next(line for line in output().splitlines() if b'"ok":true' in line)
    twice = output() + answered + b"\n"
    more = [*case(untouched).inputs, {"consumption": "1000.0"}]
    judgement = judge(case(untouched, inputs=more, trial=trial(evaluations=evaluations(twice, twice))))
    assert "determinism.provenance" not in unmet(judgement)


def lax() -> Any:
    """Every refusal turned into an answer."""
    lines = [json.loads(line) for line in output().splitlines()]
    made = [line if line["ok"] else {"ok": True, "data": {}, "provenance": f"{n:064x}"} for n, line in enumerate(lines)]
    said = b"".join(json.dumps(line).encode() + b"\n" for line in made)
    return evaluations(said, said)


def without_basis() -> Any:
    """The same plans over rows that do not say their potentials."""
    spec = dataclasses.replace(resolution().spec, gwp_set=None)
    lookups = {
        name: dataclasses.replace(
            table, rows={key: dataclasses.replace(row, gwp_set="unstated") for key, row in table.rows.items()}
        )
        for name, table in resolution().lookups.items()
    }
    return dataclasses.replace(resolution(), spec=spec, lookups=lookups)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good pack, which these tests only read."""
    return write(tmp_path_factory.mktemp("good") / "pack")


@pytest.mark.parametrize("name", RUNS)
def test_what_was_run_fails_the_measures_that_rest_on_it(name: str, untouched: Path) -> None:
    make, wanted, said = RUNS[name]
    changes = make()
    tools = {key: changes.pop(key) for key in ("lint", "security", "types") if key in changes}
    made = dataclasses.replace(findings(untouched), **tools)
    judgement = judge(case(untouched, findings=made, **changes))
    assert unmet(judgement) == wanted
    texts = [measures(judgement)[w].text + repr(measures(judgement)[w].details) for w in wanted]
    assert any(said in text for text in texts), texts


def test_a_known_vulnerability_fails_the_audit(untouched: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "id": "GHSA-0000",
                "summary": "Bad.",
                "affected": [
                    {
                        "package": {"ecosystem": "PyPI", "name": "Annotated_Types"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
                    }
                ],
            }
        )
    )
    judgement = judge(case(untouched, advisories=load(tmp_path)))
    assert unmet(judgement) == {"compliance_security.dependency audit"}
    (detail,) = measures(judgement)["compliance_security.dependency audit"].details
    assert (detail.rule, detail.mend) == ("GHSA-0000", "take annotated-types 99 or later")


def test_every_measure_has_a_pack_that_fails_it(untouched: Path) -> None:
    """Kept true by the tables above: a measure that nothing here fails is one that cannot fail."""
    failed = {wanted for _, wanted, _ in FILES.values()}
    failed |= {w for _, wanted in SEVERAL.values() for w in wanted}
    failed |= {w for _, wanted, _ in RUNS.values() for w in wanted}
    elsewhere = {
        "compliance_security.dependency audit",
        "specification.factors cited",
        "specification.standards",
        "business_impact.inputs that matter",
        "continuous_improvement.history",
    }
    assert failed | elsewhere == {f"{d.name}.{m.name}" for d in DIMENSIONS for m in d.measures}
