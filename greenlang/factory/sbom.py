"""The bill of materials of a pack (CycloneDX 1.6), with nothing in it that changes from run to run."""

from __future__ import annotations

import importlib.metadata
import json
import re
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import greenlang_sdk
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_supported_id
from greenlang_sdk.canonical import canonical
from packageurl import PackageURL


def sbom(*, distribution: str, version: str, license_id: str, digest: str) -> bytes:
    """The bytes of `sbom.cdx.json`. The serial number follows from ``digest``; there is no timestamp."""
    common = _common()
    root = f"{distribution}@{version}"
    component = {
        "bom-ref": root,
        "licenses": [{"license": {"id" if is_supported_id(license_id) else "name": license_id}}],
        "name": distribution,
        "purl": PackageURL("pypi", name=distribution, version=version).to_string(),
        "type": "application",
        "version": version,
    }
    depends = [*common["dependencies"], {"dependsOn": _roots(), "ref": root}]
    content = common | {
        "dependencies": sorted(depends, key=lambda entry: str(entry["ref"])),
        "metadata": {"component": component},
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'greenlang:pack:{digest}')}",
    }
    return canonical(content)


@cache
def _common() -> dict[str, Any]:
    """What every bill of this environment says: all but the agent itself."""
    pins = _pins()
    parts = {name: _component(name, pinned) for name, (pinned, _) in pins.items()}
    bom = Bom(components=parts.values(), serial_number=uuid5(NAMESPACE_URL, "greenlang"), metadata=BomMetaData())
    for name, (_, needs) in pins.items():
        bom.register_dependency(parts[name], [parts[n] for n in needs])
    content: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return content


@cache
def _roots() -> list[str]:
    """What the agent itself needs."""
    return [f"{name}@{_pins()[name][0]}" for name in ("greenlang-sdk", "pydantic")]


def _component(name: str, version: str, kind: ComponentType = ComponentType.LIBRARY) -> Component:
    return Component(
        name=name,
        version=version,
        type=kind,
        bom_ref=f"{name}@{version}",
        purl=PackageURL("pypi", name=name, version=version),
    )


@cache
def _pins() -> dict[str, tuple[str, tuple[str, ...]]]:
    """What an agent runs on in this environment: name -> version, names of its own requirements."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {"greenlang-sdk": (greenlang_sdk.__version__, ("pydantic",))}
    queue = ["pydantic"]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        distribution = importlib.metadata.distribution(name)
        needs = tuple(
            sorted(
                re.split(r"[^\w.-]", line, maxsplit=1)[0].replace("_", "-").lower()
                for line in distribution.requires or ()
                if ";" not in line
            )
        )
        found[name] = (distribution.version, needs)
        queue += needs
    return dict(sorted(found.items()))
