"""The dimensions of the files around the code: documentation, compliance and security, deployment readiness.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.measures`).
"""

from __future__ import annotations

from greenlang.quality.dimensions.model import README_HEADINGS, Dimension, Measure

DOCUMENTATION = Dimension(
    "documentation",
    "Documentation",
    (
        Measure(
            "docstrings",
            "public modules, classes and functions with a docstring",
            "syntax trees of the package",
            "names without",
            must=False,
        ),
        Measure("readme", f"headings present of: {', '.join(README_HEADINGS)}", "README.md, parsed", "missing", False),
        Measure("api page", "tools that docs/api.md names", "docs/api.md against tools.py", "missing", must=False),
        Measure(
            "build",
            "faults of the documents: a fence that is not closed, a table that is none, a row with too many cells, a "
            "relative link or anchor that leads nowhere",
            "every Markdown file parsed with markdown-it-py",
            "file and line",
            True,
            "faults",
            "0",
        ),
        Measure(
            "code blocks",
            "code blocks that run, with calls that the agent answers; a line that installs or serves is skipped",
            "each block of README.md and docs/ run in the sandbox",
            "file, line, message",
        ),
    ),
    threshold=90,
    weight=8,
    required=False,
)

COMPLIANCE = Dimension(
    "compliance_security",
    "Compliance and security",
    (
        Measure(
            "security rules",
            "findings in the agent's package",
            "ruff's S rules (bandit)",
            "each",
            True,
            "findings",
            "0",
        ),
        Measure(
            "secrets",
            "texts that look like a key, a token or a password",
            "patterns and entropy of our own over every text of the pack",
            "file, line, kind; never the text",
            True,
            "findings",
            "0",
        ),
        Measure(
            "sbom schema",
            "faults of form in sbom.cdx.json",
            "validated against CycloneDX's own JSON schema, offline",
            "first fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "sbom true",
            "differences between the bill and what is there",
            "components against the declared and imported distributions and all that they need, with the versions "
            "installed here; purls parsed; every reference resolved",
            "component and difference",
            True,
            "differences",
            "0",
        ),
        Measure(
            "licence",
            "faults: licence stated as nothing in the spec, not carried in LICENSE, not the same in pyproject.toml; "
            "a spec without the key is read as Apache-2.0",
            "spec, LICENSE, pyproject.toml",
            "the fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "component licences",
            "components whose licence is on the list of allowed ones (below)",
            "licence expression of each installed distribution that the bill names",
            "component and licence",
        ),
        Measure(
            "dependency audit",
            "components with a known vulnerability",
            "a local file of advisories in OSV form (GREENLANG_ADVISORIES), version ranges by packaging",
            "advisory, component, version in which it is mended",
            True,
            "vulnerabilities",
            "0",
        ),
        Measure(
            "input validation",
            "inputs beyond type or limits that are refused, with the field named",
            "every input given a value of another type, values just outside each limit, and left out where it is "
            "needed; made from the spec, asked in the sandbox",
            "input and answer",
        ),
    ),
    threshold=100,
    weight=12,
    required=True,
)

DEPLOYMENT = Dimension(
    "deployment_readiness",
    "Deployment readiness",
    (
        Measure(
            "image file",
            "faults of the Dockerfile: base without tag, runs as root, no health check, secret in ENV or ARG, ADD from "
            "an address, CMD through a shell",
            "Dockerfile, parsed",
            "line and rule",
            True,
            "faults",
            "0",
        ),
        Measure(
            "manifests",
            "faults of form in deploy/k8s",
            "each document validated by our own declaration of the fields of its kind, unknown fields refused; that "
            "declaration is tested against the published schemas of Kubernetes, the manifests themselves are not",
            "file, field, fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "one story",
            "contradictions between manifests, image and API (selectors, ports, versions, user), between their names "
            "and this agent's (image, wheels, objects), and between pack.yaml and the plan (id, summary, licence, "
            "limits, units, formulas, figures, citations)",
            "the parsed manifests, Dockerfile, demos/api.py and pack.yaml, compared with each other and with the plan",
            "file and contradiction",
            True,
            "contradictions",
            "0",
        ),
        Measure(
            "probes",
            "faults of startup, readiness and liveness probes",
            "path and port of each probe against the routes and the port that demos/api.py and the image serve",
            "probe and fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "confinement",
            "rights that a container has and does not need; limits that it lacks",
            "securityContext and resources of every container",
            "container and field",
            True,
            "faults",
            "0",
        ),
        Measure(
            "wheel",
            "faults of the wheel that pyproject.toml builds",
            "built with flit, opened; names, version, requirements, record and package checked",
            "fault",
            True,
            "faults",
            "0",
        ),
    ),
    threshold=100,
    weight=6,
    required=True,
)
