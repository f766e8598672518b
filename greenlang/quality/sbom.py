"""The bill of materials of a pack: is it CycloneDX, and is it true?

Belongs here: checking. Does not belong here: making it (`greenlang.factory.sbom`), which shares no code with this.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

SBOM = "sbom.cdx.json"
_DIGEST_LENGTHS = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128}


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as read. ``problem`` says why it could not be; then the rest is empty."""

    content: Mapping[str, Any]
    problem: str = ""

    @property
    def components(self) -> list[Mapping[str, Any]]:
        """The components."""
        return _objects(self.content.get("components"))

    @property
    def root(self) -> Mapping[str, Any]:
        """The component that the bill is of."""
        metadata = self.content.get("metadata")
        root = metadata.get("component") if isinstance(metadata, dict) else None
        return root if isinstance(root, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """What is an object in a list; the schema says what else is wrong with it."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def read(data: bytes) -> Bill:
    """A bill from the bytes of its file."""
    if not data:
        return Bill({}, "is missing")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Bill({}, f"cannot be read: {type(error).__name__}: {error}")
    return Bill(content) if isinstance(content, dict) else Bill({}, "is no JSON object")


def schema_fault(data: bytes) -> str:
    """The first fault against CycloneDX's own schema of version 1.6; "" if there is none."""
    fault = _validator().validate_str(data.decode("utf-8", errors="replace"))
    if fault is None:
        return ""
    error = fault.data
    where = "/".join(map(str, getattr(error, "absolute_path", ()))) or "the bill"
    return f"{where}: {getattr(error, 'message', error)}"[:300]


@cache
def _validator() -> Any:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def differences(
    bill: Bill, *, name: str, version: str, requirements: Iterable[str], imported: Iterable[str]
) -> Iterator[str]:
    """What a bill says otherwise than it is. ``name``, ``version`` and ``requirements`` are those of pyproject.toml,
    ``imported`` the distributions that the code imports."""
    root = bill.root
    if canonicalize_name(str(root.get("name", ""))) != canonicalize_name(name):
        yield f"it is about {root.get('name')}, not {name}"
    elif root.get("version") != version:
        yield f"it is about version {root.get('version')}, not {version}"
    stated: dict[str, str] = {
        canonicalize_name(str(c.get("name", ""))): str(c.get("version", "")) for c in bill.components
    }
    try:
        true = installed(tuple(sorted(requirements)))
    except (importlib.metadata.PackageNotFoundError, InvalidRequirement) as error:
        yield f"what the agent needs is not to be found: {error}"
        return
    for component in sorted(true.keys() | stated.keys()):
        if component not in stated:
            yield f"{component} {true[component]} is needed and not named"
        elif component not in true:
            yield f"{component} is named and not needed"
        elif stated[component] != true[component]:
            yield f"{component} is {true[component]}, not {stated[component]}"
    yield from (
        f"{one} is imported and not named" for one in sorted(set(map(canonicalize_name, imported)) - stated.keys())
    )
    yield from _forms(bill)


def _forms(bill: Bill) -> Iterator[str]:
    """Package URLs, digests and references that do not fit what they stand beside."""
    references = {str(c.get("bom-ref")) for c in (*bill.components, bill.root)}
    for component in (*bill.components, bill.root):
        name, version = str(component.get("name", "")), component.get("version")
        try:
            purl = PackageURL.from_string(str(component.get("purl", "")))
        except ValueError:
            yield f"{name}: {component.get('purl')!r} is no package URL"
            continue
        if (purl.type, canonicalize_name(purl.name), purl.version) != ("pypi", canonicalize_name(name), version):
            yield f"{name}: its package URL names {purl.name} {purl.version}"
        for digest in _objects(component.get("hashes")):
            length = _DIGEST_LENGTHS.get(str(digest.get("alg")))
            if length and not re.fullmatch(f"[0-9a-f]{{{length}}}", str(digest.get("content", ""))):
                yield f"{name}: its {digest.get('alg')} is none"
    for entry in _objects(bill.content.get("dependencies")):
        needs = entry.get("dependsOn")
        for reference in (entry.get("ref"), *(needs if isinstance(needs, list) else [])):
            if str(reference) not in references:
                yield f"the dependency {reference} is no component"


@cache
def installed(requirements: tuple[str, ...]) -> Mapping[str, str]:
    """All distributions that these requirements need on this machine, with the versions installed here.

    Raises PackageNotFoundError and InvalidRequirement.
    """
    found: dict[str, str] = {}
    queue = [Requirement(line) for line in requirements]
    while queue:
        wanted = queue.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = importlib.metadata.version(name)
        queue += [Requirement(line) for line in importlib.metadata.requires(name) or []]
    return dict(sorted(found.items()))
