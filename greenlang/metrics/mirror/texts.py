"""Texts that no Parquet table holds: specs from the bucket, code, tests and pages from finished packs.

Belongs here: reading them, as far as they are what was recorded. Does not belong here: where they go (`fill`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from greenlang.bucket import Bucket
from greenlang.errors import BucketError
from greenlang.factory.inbox.shelf import spec_path
from greenlang.provenance import bytes_digest
from greenlang.registry.packs import PackNotHere, RegisteredPack, homes, pack_of
from greenlang.settings import Settings
from greenlang.specs.model import slug

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_METADATA = re.compile(r"^metadata:\n(?:[ \t].*\n?|\n)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A build whose pack is wanted, as `greenlang.registry.packs` asks for one."""

    job: str
    key: str
    pack_digest: str
    certificate_digest: str

    @property
    def pack(self) -> str:
        """Where the factory keeps it."""
        return f"packs/{slug(self.key)}"


def spec_text(bucket: Bucket, key: str, digest: str, limit: int) -> str | None:
    """The spec of a partition key; None where it is not there, is another, is no UTF-8, or has more bytes."""
    if key.startswith("file:"):
        return None
    try:
        data = bucket.read(spec_path(key), limit + 1)
    except (FileNotFoundError, BucketError):
        return None
    if len(data) > limit or bytes_digest(data) != digest:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def category_of(spec: str | None) -> str | None:
    """The category that the catalogue gave a spec: `metadata.catalogue.category`; None where it gives none."""
    found = _METADATA.search(spec or "")
    if found is None:
        return None
    try:
        category = yaml.load(found.group(), Loader=_LOADER)["metadata"]["catalogue"]["category"]  # noqa: S506 - a safe one
    except (yaml.YAMLError, KeyError, TypeError):
        return None
    return str(category)


def pack_texts(settings: Settings, build: Wanted, limit: int) -> dict[str, Any] | None:
    """The text columns of `agent_artifacts`, by column; None where the pack is not here, or is another.

    A text of more than ``limit`` bytes is None, its digest stays.
    """
    try:
        pack = pack_of(build, homes(settings, settings.tenant))
        code, tests = _joined(pack, f"{pack.package}/", ".py"), _joined(pack, "tests/", ".py")
        deployment = _joined(pack, ("Dockerfile", "deploy/"), "")
        pages = {**_named(pack, ("README.md", "CHANGELOG.md")), **_named(pack, "docs/")}
        demos = _named(pack, "demos/")
    except PackNotHere:
        return None
    return {
        "agent_code": _within(code, limit),
        "agent_code_hash": bytes_digest(code.encode()),
        "test_code": _within(tests, limit),
        "test_code_hash": bytes_digest(tests.encode()),
        "documentation": {name: text for name, text in pages.items() if _within(text, limit) is not None},
        "deployment_pack": _within(deployment, limit),
        "demo_scripts": {name: text for name, text in demos.items() if _within(text, limit) is not None},
    }


def _named(pack: RegisteredPack, start: str | tuple[str, ...], end: str = "") -> dict[str, str]:
    names = (name for name in sorted(pack.files) if name.startswith(start) and name.endswith(end))
    return {name: pack.read(name).decode("utf-8", "replace") for name in names}


def _joined(pack: RegisteredPack, start: str | tuple[str, ...], end: str) -> str:
    """Files as one text, each below a line with its path."""
    return "\n".join(f"# --- {name}\n{text}" for name, text in _named(pack, start, end).items())


def _within(text: str, limit: int) -> str | None:
    return text if len(text.encode()) <= limit else None
