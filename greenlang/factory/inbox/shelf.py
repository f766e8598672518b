"""Where accepted specs and their overlays stand in the bucket.

``specs/<slug of the key>.yaml`` is a spec, ``specs/<slug of id@version>.overlay.yaml`` the overlay in force for that
version, ``specs/older/`` overlays that another one has followed, ``specs/.names/`` what people called the files.
Belongs here: paths, and reading what was accepted. Does not belong here: what is accepted (``desk``).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass

from greenlang.bucket import Bucket, Entry, hidden
from greenlang.errors import BucketError
from greenlang.factory.source import SpecSource
from greenlang.specs.model import identity, slug
from greenlang.specs.overlay import is_overlay

Release = tuple[str, str]  # agent id and version

_NAMES = "specs/.names"
_OVERLAY = ".overlay.yaml"


def stem(release: Release) -> str:
    """The beginning of the names of everything that belongs to an id and version."""
    return slug("@".join(release))


def spec_path(key: str) -> str:
    """Where an accepted spec stands in the bucket."""
    return f"specs/{slug(key)}.yaml"


def overlay_path(release: Release) -> str:
    """Where the overlay of an id and version stands in the bucket."""
    return f"specs/{stem(release)}{_OVERLAY}"


def older_overlay_path(release: Release, digest: str) -> str:
    """Where an overlay is kept that another one has followed."""
    return f"specs/older/{stem(release)}.{digest[:8]}{_OVERLAY}"


def name_path(path: str) -> str:
    """Where it is kept what a person called the file that stands at ``path``."""
    return f"{_NAMES}/{path.removeprefix('specs/').removesuffix('.yaml')}.json"


def key_of(stored: str) -> str:
    """The partition key behind a name in ``specs/``."""
    agent_id, _, rest = stored.removesuffix(".yaml").partition("@")
    return f"{agent_id.replace('.', '/')}@{rest}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What stands in ``specs/``: specs by the stem of their version, the stems that have an overlay, and those of which
    a spec was accepted once.
    """

    specs: dict[str, list[Entry]]
    overlays: frozenset[str]
    seen: frozenset[str]

    @classmethod
    def of(cls, bucket: Bucket) -> Shelf:
        """The shelf as it is now."""
        specs: dict[str, list[Entry]] = defaultdict(list)
        overlays, seen = set(), set()
        for entry in bucket.list("specs"):
            if entry.name.startswith(".names/"):
                if not entry.name.endswith(".overlay.json"):
                    seen.add(entry.name.removeprefix(".names/")[: -len("-12345678.json")])
            elif hidden(entry.name) or "/" in entry.name:
                continue
            elif entry.name.endswith(_OVERLAY):
                overlays.add(entry.name.removesuffix(_OVERLAY))
            elif entry.name.endswith(".yaml"):
                specs[entry.name[: -len("-12345678.yaml")]].append(entry)
        return cls(specs, frozenset(overlays), frozenset(seen))


def accepted_keys(bucket: Bucket) -> list[str]:
    """The keys of all specs in ``specs/``, sorted by slug."""
    return [
        key_of(e.name)
        for e in bucket.list("specs")
        if e.name.endswith(".yaml") and not hidden(e.name) and not is_overlay(e.name)
    ]


def source_name(bucket: Bucket, path: str) -> str:
    """What its author called the file that stands at ``path`` now; its name there if nobody knows."""
    try:
        return str(json.loads(bucket.read(name_path(path)))["name"])
    except FileNotFoundError:
        return path.removeprefix("specs/")


def read_accepted(bucket: Bucket, key: str) -> SpecSource:
    """An accepted spec under its author's name, with the overlay that is in force for it.

    Raises FileNotFoundError if it is not there, `BucketError` if its bytes are not those that were accepted.
    """
    path = spec_path(key)
    data = bucket.read(path)
    if hashlib.sha256(data).hexdigest()[:8] != key[-8:]:
        raise BucketError(f"{path} was changed by hand: drop it in inbox/ as a new version instead")
    name = source_name(bucket, path)
    overlay = read_overlay(bucket, identity(key))
    return SpecSource(name, data) if overlay is None else SpecSource(name, data, overlay.data, overlay.name)


@dataclass(frozen=True, slots=True)
class StoredOverlay:
    """An accepted overlay under the name that people gave it."""

    name: str
    data: bytes
    digest: str


def read_overlay(bucket: Bucket, release: Release) -> StoredOverlay | None:
    """The overlay that stands for an id and version, if there is one.

    Raises `BucketError` if its bytes are not those that were accepted.
    """
    path = overlay_path(release)
    try:
        data = bucket.read(path)
    except FileNotFoundError:
        return None
    digest = hashlib.sha256(data).hexdigest()
    try:
        told = json.loads(bucket.read(name_path(path)))
    except FileNotFoundError:
        told = {"sha256": ""}
    if told["sha256"] != digest:
        raise BucketError(f"{path} was put there or changed by hand: drop the overlay in inbox/ instead")
    return StoredOverlay(str(told["name"]), data, digest)
