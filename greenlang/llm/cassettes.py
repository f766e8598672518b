"""Cassettes: one recorded reply a file, named by the digest of its request, in canonical bytes.

Belongs here: storing, finding, checking, exporting, importing. Does not belong here: asking. A cassette holds the
request (so that a person can read what was asked), the reply and what it was; never a key, never a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang.errors import PackError
from greenlang.llm.request import Request
from greenlang.provenance import bytes_digest, canonical, digest

FORMAT = 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = {"format", "digest", "request", "messages", "reply", "reply_digest"}
_MAX_LINE = 4_000_000  # bytes of one cassette


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply and what it was. Costs are in US dollars, as they were when it was recorded."""

    text: str
    provider: str
    model: str  # that really answered
    requested: Mapping[str, Any]
    accepted: Mapping[str, Any]
    dropped: Mapping[str, str] = field(default_factory=dict)
    finish: str = ""
    fingerprint: str = ""
    price_map_digest: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    fallbacks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As stored."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Recorded:
        """From what was stored. Raises ValueError for something else."""
        try:
            made = cls(**{**raw, "cost_usd": Decimal(raw["cost_usd"]), "fallbacks": tuple(raw["fallbacks"])})
        except (ArithmeticError, KeyError, TypeError) as error:
            raise ValueError("its reply is not in the form of a cassette") from error
        texts = (made.text, made.provider, made.model, made.finish, made.fingerprint, made.price_map_digest)
        lists = isinstance(raw["fallbacks"], list | tuple) and all(isinstance(f, str) for f in made.fallbacks)
        maps = all(isinstance(m, Mapping) for m in (made.requested, made.accepted, made.dropped))
        counts = all(type(n) is int and n >= 0 for n in (made.prompt_tokens, made.completion_tokens))
        money = isinstance(raw["cost_usd"], str | Decimal) and made.cost_usd.is_finite() and made.cost_usd >= 0
        if not (all(isinstance(t, str) for t in texts) and lists and maps and counts and money):
            raise ValueError("its reply is not in the form of a cassette")
        return made


class Cassettes:
    """A folder of cassettes: ``<first two of the digest>/<digest>.json``. Any number of processes may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a digest's cassette lies. Raises ValueError for what is no digest."""
        if not _DIGEST.fullmatch(name):
            raise ValueError(f"`{name[:80]}` is no digest")
        return self.folder / name[:2] / f"{name}.json"

    def get(self, request: Request) -> Recorded | None:
        """The recorded reply; None if there is none. Raises PackError for a cassette that was changed."""
        path = self.path(request.digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        raw, recorded = checked(content, request.digest)
        if raw["request"] != json.loads(canonical(request.content)):
            raise PackError(f"{path} answers another request")
        return recorded

    def put(self, request: Request, recorded: Recorded, *, replace: bool = False) -> Recorded:
        """Store a reply; return the one that stands. The first recording stays, unless it is to be replaced."""
        content = encoded(request, recorded)
        if not _placed(self.path(request.digest), [content], replace=replace):
            standing = self.get(request)
            if standing is not None:
                return standing
        return checked(content)[1]  # as a later reader gets it, to the letter

    def names(self) -> list[str]:
        """Every digest, sorted."""
        found = self.folder.glob("[0-9a-f][0-9a-f]/*.json")
        return sorted(path.stem for path in found if _DIGEST.fullmatch(path.stem) and path.stem[:2] == path.parent.name)

    def verify(self) -> list[str]:
        """What is wrong with the files of the folder, a sentence each; empty if nothing is."""
        findings = []
        known = {self.path(name) for name in self.names()}
        for name in self.names():
            try:
                checked(self.path(name).read_bytes(), name)
            except (PackError, OSError) as error:
                findings.append(str(error))
        for path in sorted(self.folder.rglob("*")):
            unfinished = path.name.startswith(".") and path.suffix == ".tmp"  # of a process that was killed
            if not path.is_dir() and path not in known and not unfinished:
                findings.append(f"{path.relative_to(self.folder)} is no cassette")
        return findings

    def export(self, target: Path) -> int:
        """Write all cassettes as JSON lines, sorted by digest: the same recordings give the same bytes.

        Raises PackError for a cassette that was changed; nothing is written then.
        """
        names = self.names()

        def lines() -> Iterator[bytes]:
            for name in names:
                content = self.path(name).read_bytes()
                checked(content, name)
                yield content.rstrip(b"\n") + b"\n"

        _placed(target, lines(), replace=True)
        return len(names)

    def take(self, source: Path, *, replace: bool = False) -> tuple[int, int]:
        """Import JSON lines; return how many were new and how many stood already.

        Every line is checked before the first is stored; names of files are made from the checked digests, never read
        from the source. Raises PackError for a line that is wrong, that differs from what stands, or from another line
        with its digest.
        """
        new: dict[str, bool] = {}
        said: dict[str, str] = {}
        for name, content in _lines(source):
            if said.setdefault(name, bytes_digest(content)) != bytes_digest(content):
                raise PackError(f"{source.name} holds two replies of {name}")
            new[name] = not self._stands(name, content, replace)
        for name, content in _lines(source):  # a second time, so that no more than one is held
            if new.get(name):
                _placed(self.path(name), [content], replace=replace)
        return sum(new.values()), len(new) - sum(new.values())

    def _stands(self, name: str, content: bytes, replace: bool) -> bool:
        try:
            standing = self.path(name).read_bytes()
        except FileNotFoundError:
            return False
        if standing == content:
            return True
        if not replace:
            with contextlib.suppress(PackError):  # of a standing file that was changed: another reply
                if checked(standing, name)[0]["reply_digest"] == json.loads(content)["reply_digest"]:
                    return True  # sent beside other examples, and answered the same
            raise PackError(f"{name} is recorded already with another reply; --replace takes the one that comes")
        return False


def encoded(request: Request, recorded: Recorded) -> bytes:
    """The canonical bytes of a cassette, with a newline at the end."""
    reply = json.loads(canonical(recorded.as_dict()))
    whole: dict[str, Any] = {
        "format": FORMAT,
        "digest": request.digest,
        "request": request.content,
        "messages": [dict(m) for m in request.recorded],
        "reply": reply,
        "reply_digest": digest(reply),
    }
    if request.recorded != request.messages:
        whole["sent"] = [dict(m) for m in request.messages]  # for people: with what was sent aside
    return canonical(whole) + b"\n"


def checked(content: bytes, name: str | None = None) -> tuple[dict[str, Any], Recorded]:
    """A cassette's content and reply. Raises PackError where a digest does not fit or the bytes are not canonical."""
    label = name[:12] if name else "the line"
    try:
        raw = json.loads(content)
        if not isinstance(raw, dict) or raw.keys() - {"sent"} != _KEYS or raw["format"] != FORMAT:
            raise ValueError("it is not in the form of a cassette")
        if not isinstance(raw["reply"], dict) or canonical(raw) + b"\n" != content.rstrip(b"\n") + b"\n":
            raise ValueError("its bytes are not canonical")
        recorded = Recorded.of(raw["reply"])
        if digest(raw["request"]) != raw["digest"] or (name is not None and raw["digest"] != name):
            raise ValueError("its digest is not that of its request")
        if digest(raw["reply"]) != raw["reply_digest"]:
            raise ValueError("its reply was changed")
        _same_prompt(raw)
    except (ValueError, RecursionError) as error:
        raise PackError(f"cassette {label}: {error}") from error
    return raw, recorded


def _same_prompt(raw: Mapping[str, Any]) -> None:
    """The messages that a person reads are those that were asked."""
    stated = raw["request"].get("rendered") if isinstance(raw["request"], dict) else None
    messages = raw["messages"]
    if not isinstance(messages, list) or not all(isinstance(m, dict) and "content" in m for m in messages):
        raise ValueError("it has no messages")
    if stated is not None and digest([m["content"] for m in messages]) != stated:
        raise ValueError("its messages are not those of its request")


def _lines(source: Path) -> Iterator[tuple[str, bytes]]:
    with source.open("rb") as handle:
        number = 0
        while line := handle.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise PackError(f"{source.name}, line {number}: longer than {_MAX_LINE} bytes")
            if not line.strip():
                continue
            try:
                raw, _ = checked(line)
            except PackError as error:
                raise PackError(f"{source.name}, line {number}: {error}") from error
            if not _DIGEST.fullmatch(str(raw["digest"])):
                raise PackError(f"{source.name}, line {number}: `digest` is none")
            yield raw["digest"], line.rstrip(b"\n") + b"\n"


def _placed(path: Path, content: Iterable[bytes], *, replace: bool) -> bool:
    """Put a file in its place whole, or not at all. False if one stands there and is to stay."""
    if path.is_symlink():
        raise PackError(f"{path} is a symbolic link")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        if replace:
            temporary.replace(path)
            return True
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
            return True
        return False
    finally:
        temporary.unlink(missing_ok=True)
