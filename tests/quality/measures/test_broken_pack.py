"""A pack that is wrong in one way fails the measure that is about it: documents, compliance, deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.quality import judge
from greenlang.quality.tools import Finding
from greenlang.sandbox.trial import BlockResult
from tests.quality.good import (
    PACKAGE,
    case,
    service,
    trial,
    unmet,
)
from tests.quality.measures.broken import (
    BESIDE,
    K8S,
    TOOLS,
    Files,
    Runs,
    Several,
    answered,
    append,
    bill,
    check_file,
    check_run,
    component,
    edit,
    lax,
    refused_as,
)

FILES: Files = {
    "docstring": (
        append(BESIDE, "\n\ndef more() -> None:\n    print()\n"),
        "documentation.docstrings",
        "logs.py::more",
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
}

# files that several measures are about: all of them, and no other
SEVERAL: Several = {
    "random text": (
        append("docs/api.md", '\n"q7Rz0PmKx9LwTf3VbYc8NdJh2GsAeU5i"\n'),
        {"compliance_security.secrets", "determinism.statements"},
    ),
    "no licence text": (
        lambda pack: (pack / "LICENSE").unlink(),
        {"compliance_security.licence", "deployment_readiness.wheel"},
    ),
    "root": (
        edit("Dockerfile", "USER 10001\n", "USER root\n"),
        {"deployment_readiness.image file", "deployment_readiness.one story"},
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

RUNS: Runs = {
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
    "not refused": (
        lambda: {"trial": trial(evaluations=lax())},
        {"compliance_security.input validation", "integration.refusals typed", "operations.one answer"},
        "consumption given words: it was not refused",
    ),
    "refused for another reason": (
        lambda: {"trial": trial(evaluations=refused_as("calculation"))},
        {"compliance_security.input validation", "operations.one answer"},
        "refused with calculation",
    ),
    "refused without a code": (
        lambda: {"trial": trial(evaluations=refused_as("oops"))},
        {"compliance_security.input validation", "integration.refusals typed", "operations.one answer"},
        "refused with oops",
    ),
    "refusal that names another field": (
        lambda: {"trial": trial(evaluations=answered(b'"field":"consumption"', b'"field":"x"'))},
        {"compliance_security.input validation", "operations.one answer"},
        "the refusal names 'x'",
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
