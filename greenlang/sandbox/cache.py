"""Trials that were held before: the same pack, the same questions, the same confinement, the same tools.

Belongs here: the key and the files. Does not belong here: running. The key is a digest of everything that a trial
depends on and nothing weaker: every file of the pack outside ``tests``, every file in it, the profile and its limits,
the versions of all tools, the sandbox's own code, the request. An entry that does not read as what was written is no
entry. What went wrong on our side, was stopped by the clock, or tried to escape is never kept: it may end otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from functools import cache
from importlib import metadata
from pathlib import Path

import greenlang_sdk
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import TypeAdapter, ValidationError

from greenlang.sandbox.gate import MAX_PACK
from greenlang.sandbox.trial import Trial, TrialRequest
from greenlang.sandbox.verdict import Profile

_TOOLS = ("pytest", "coverage", "pydantic", "time-machine", "fastapi")  # with all that they need
_TRIAL = TypeAdapter(Trial)
_MAX_BYTES = 64 * 1024 * 1024


def key(pack: Path, package: str, request: TrialRequest, profile: Profile, limits: tuple[int, int]) -> str | None:
    """The key of a trial; None for a pack that is never kept: too large, or with more than files and folders.

    Raises OSError for one that goes while it is read.
    """
    code, tests = hashlib.sha256(), hashlib.sha256()
    left = MAX_PACK
    for name, entry in sorted(_files(pack)):
        left -= entry.stat(follow_symlinks=False).st_size if entry is not None else 0
        if entry is None or left < 0:
            return None
        into = tests if name.startswith("tests/") else code
        into.update(hashlib.sha256(name.encode(errors="surrogateescape")).digest())
        into.update(hashlib.sha256(Path(entry.path).read_bytes()).digest())
    parts = {
        "package": package,
        "code": code.hexdigest(),
        "tests": tests.hexdigest(),
        "profile": [asdict(profile), *limits],
        "tools": tools(),
        "request": _request(request),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _files(pack: Path) -> Iterator[tuple[str, os.DirEntry[str] | None]]:
    """Every file by its name in the pack; None for what is neither a plain file nor a folder."""
    folders = [("", str(pack))]
    while folders:
        head, folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append((f"{head}{entry.name}/", entry.path))
                else:
                    yield f"{head}{entry.name}", entry if entry.is_file(follow_symlinks=False) else None


@cache
def tools() -> dict[str, str]:
    """What runs a pack, each with its version or the digest of its code."""
    versions = {"python": sys.version, "machine": platform.machine()}
    versions |= _distributions(_TOOLS)
    assert greenlang_sdk.__file__ is not None
    for name, folder in (("greenlang_sdk", Path(greenlang_sdk.__file__).parent), ("sandbox", Path(__file__).parent)):
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        versions[name] = digest.hexdigest()
    return versions


def _distributions(names: Iterable[str]) -> dict[str, str]:
    """Versions of these distributions and of all that they require and that is installed."""
    found: dict[str, str] = {}
    left = [canonicalize_name(name) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        with contextlib.suppress(metadata.PackageNotFoundError):
            distribution = metadata.distribution(name)
            found[name] = distribution.version
            needed = map(Requirement, distribution.requires or ())
            left += [canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def _request(request: TrialRequest) -> str:
    digest = hashlib.sha256()
    inputs = json.dumps([dict(given) for given in request.inputs], sort_keys=True)
    blocks = json.dumps([asdict(block) for block in request.blocks])
    digest.update(json.dumps([inputs, blocks, request.calls]).encode())
    for mutant in request.mutants:
        digest.update(json.dumps([mutant.id, mutant.path, mutant.control]).encode())
        digest.update(hashlib.sha256(mutant.content).digest())
    return digest.hexdigest()


def keepable(trial: Trial) -> bool:
    """Whether a trial would end the same if it were held again."""
    runs = (trial.tests, trial.again, *trial.evaluations, trial.mutation, trial.service)
    if any(run is not None and run.status not in ("passed", "failed") for run in runs):
        return False
    return trial.mutation is None or all(r.outcome != "timed_out" for r in trial.mutation.results)


class TrialCache:
    """A folder of trials by key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def get(self, key: str) -> Trial | None:
        """The trial under this key, marked as cached; None where there is none or where it is damaged."""
        try:
            digest, _, packed = self._place(key).read_bytes().partition(b"\n")
            if hashlib.sha256(packed).hexdigest().encode() != digest:
                return None
            text = zlib.decompressobj().decompress(packed, _MAX_BYTES)
            return replace(_TRIAL.validate_json(text), cached=True)
        except (OSError, ValidationError, ValueError, zlib.error):
            return None

    def put(self, key: str, trial: Trial) -> None:
        """Keep a trial, if it may be kept; a reader sees all of it or nothing. Raises OSError."""
        if not keepable(trial):
            return
        packed = zlib.compress(_TRIAL.dump_json(trial), 1)
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(packed).hexdigest().encode() + b"\n" + packed)
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
