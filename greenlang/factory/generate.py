"""A resolution -> the files of a pack: pure, deterministic, no file written, no clock read.

Each file has one template under ``templates/agent``; everything that needs a decision is decided in ``views``, so that
templates only lay out. Belongs here: which files there are, and their rendering. Does not belong here: expressions
(``render``), test cases (``cases``), writing (``pack``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import jinja2
from greenlang_sdk.decimals import normal_text

from greenlang._paths import data
from greenlang.factory import manifest, text
from greenlang.factory.naming import distribution_name, package_name
from greenlang.factory.same import Same
from greenlang.factory.sbom import sbom
from greenlang.factory.views import View, sdk_requirement, view
from greenlang.provenance import bytes_digest, files_digest
from greenlang.resolution.plan import Resolution

__all__ = ["SBOM", "distribution_name", "generate", "generated", "package_name", "sdk_requirement", "templates"]

SBOM = "sbom.cdx.json"
_KEPT = 64  # packs: a chunk of agents is generated before the first of them is judged

# Files that every pack has.
COMMON = {
    "{package}/__main__.py": "package_main.py.jinja",
    "{package}/logs.py": "logs.py.jinja",
    "README.md": "README.md.jinja",
    "CHANGELOG.md": "CHANGELOG.md.jinja",
    "docs/api.md": "api.md.jinja",
    "demos/command_line.py": "demo_command_line.py.jinja",
    "demos/notebook.py": "demo_notebook.py.jinja",
    "demos/api.py": "demo_api.py.jinja",
    "Dockerfile": "Dockerfile.jinja",
    ".dockerignore": "dockerignore.jinja",
    "deploy/k8s/deployment.yaml": "k8s/deployment.yaml.jinja",
    "deploy/k8s/service.yaml": "k8s/service.yaml.jinja",
    "deploy/k8s/hpa.yaml": "k8s/hpa.yaml.jinja",
    "deploy/k8s/pdb.yaml": "k8s/pdb.yaml.jinja",
    "deploy/k8s/networkpolicy.yaml": "k8s/networkpolicy.yaml.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    "LICENSE": "LICENSE.jinja",
}
_TESTS = ("unit", "golden", "boundary", "property", "determinism", "integration")

# What an agent has that reads pinned rows.
PINNED = {"{package}/factors.py": "factors.py.jinja"}

# What a flat agent has beside.
FLAT = {
    "{package}/__init__.py": "package_init.py.jinja",
    "{package}/agent.py": "agent.py.jinja",
    "{package}/models.py": "models.py.jinja",
    "{package}/tools.py": "tools.py.jinja",
} | {f"tests/test_{name}.py": f"test_{name}.py.jinja" for name in _TESTS}

# What an agent of several tools has beside: the dispatcher, and for each tool what a flat agent has.
TOOLBOX = {
    "{package}/__init__.py": "toolbox/package_init.py.jinja",
    "{package}/agent.py": "toolbox/agent.py.jinja",
    "{package}/parts/__init__.py": "toolbox/parts_init.py.jinja",
} | {f"tests/test_{name}.py": f"toolbox/test_{name}.py.jinja" for name in _TESTS}
PART = {
    "{package}/parts/{module}/__init__.py": "toolbox/part_init.py.jinja",
    "{package}/parts/{module}/agent.py": "agent.py.jinja",
    "{package}/parts/{module}/models.py": "models.py.jinja",
    "{package}/parts/{module}/tools.py": "tools.py.jinja",
}


@cache
def templates() -> jinja2.Environment:
    """The templates of a pack, compiled once a process."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data() / "templates" / "agent"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the files are no HTML; every value passes a quoting filter
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters |= {
        "py": text.py_value,
        "doc": text.doc,
        "sentence": text.sentence,
        "line": text.one_line,
        "cell": text.cell,
        "code": text.code,
        "toml": text.toml_text,
        "yaml": text.yaml_text,
        "number": normal_text,
    }
    environment.globals["call"] = text.py_call
    environment.globals["from_import"] = text.py_import
    return environment


def generate(resolution: Resolution) -> dict[str, bytes]:
    """Relative path -> content of every file of the pack but wheels and certificate.

    The release of the tables and their digest are named in the certificate only: a release that changes none of the
    pinned rows leaves the files as they are. Raises ValueError if an output has no plan.
    """
    if resolution.missing:
        raise ValueError(f"no plan for {', '.join(m.output for m in resolution.missing)}")
    made = view(resolution)
    files = _rendered(made) | {
        f"{made.package}/py.typed": b"",
        "pack.yaml": manifest.manifest(resolution, made),
    }
    if made.looks_up:
        files[f"{made.package}/factors.json"] = manifest.factors(resolution, made)
    for part in made.parts:
        name = f"tests/vectors/{part.module}.json" if made.toolbox else "tests/vectors.json"
        files[name] = text.json_lines({"tool": part.name} | part.cases if made.toolbox else part.cases)
    hashes = {name: bytes_digest(content) for name, content in files.items()}
    files[SBOM] = sbom(
        distribution=made.distribution,
        version=resolution.spec.version,
        license_id=resolution.spec.license,
        digest=files_digest(hashes),
    )
    return dict(sorted(files.items()))


def generated(resolution: Resolution) -> Mapping[str, bytes]:
    """As `generate`, made once for a resolution: whoever judges the pack asks for the same files again."""
    return _generated(Same(resolution))


@lru_cache(maxsize=_KEPT)
def _generated(key: Same) -> Mapping[str, bytes]:
    return MappingProxyType(generate(key.part))


def _rendered(made: View) -> dict[str, bytes]:
    files = {
        path.format(package=made.package): _render(template, v=made, p=made.part)
        for path, template in (COMMON | (PINNED if made.looks_up else {}) | (TOOLBOX if made.toolbox else FLAT)).items()
    }
    for part in made.parts if made.toolbox else ():
        files |= {
            path.format(package=made.package, module=part.module): _render(template, v=made, p=part)
            for path, template in PART.items()
        }
    return files


def _render(template: str, **names: Any) -> bytes:
    return templates().get_template(template).render(**names).encode("utf-8")
