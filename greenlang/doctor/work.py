"""Work that does not go on: keys of models and tokens, files that nobody takes in, batches that were killed.

Belongs here: what stands still, and what would. Does not belong here: Dagster (`orchestration`).
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from greenlang.doctor.result import Found, fault, ok, warning
from greenlang.errors import BucketError, QueryError, SettingsError
from greenlang.settings import Settings

WAITING = 3600.0  # seconds that a file may lie in the inbox
_SHOWN = 3


def models(settings: Settings) -> Iterator[Found]:
    """Whether language models can be asked, and nobody else reads their keys."""
    from greenlang.llm.config import environment, load

    if settings.llm == "replay":
        yield ok("replay: none is asked")
        return
    try:
        providers = load(settings).providers
        having = [one.name for one in providers if one.key(environment()) is not None]
    except SettingsError as error:
        yield fault(str(error), "mend the file, or unset the variable that names it (docs/models.md)")
        return
    open_to_all = []
    for one in providers:
        file = environment().get(f"{one.api_key_env}_FILE", "")
        if file and Path(file).is_file() and (mode := stat.S_IMODE(Path(file).stat().st_mode)) & 0o077:
            open_to_all.append(file)
            yield fault(f"{file}, the key of {one.name}, may be read by others ({mode:04o})", f"`chmod 600 {file}`")
    wanted = ", ".join(one.api_key_env for one in providers if one.api_key_env)
    if not having and settings.llm == "live":
        yield fault("GREENLANG_LLM is live, and no provider has a key", f"set one of {wanted}, or its _FILE")
    elif not having:
        yield ok("no provider has a key: what no cassette holds is not asked")
    elif not open_to_all:
        yield ok(", ".join(having))


def tokens(settings: Settings) -> Iterator[Found]:
    """Whether the key set that tokens for the API are checked by can be had."""
    where = settings.api_jwks
    if where is None:
        yield ok("none: who calls the API signs in by API keys")
        return
    if not settings.api_issuer:
        yield fault("GREENLANG_API_JWKS is set and GREENLANG_API_ISSUER is not", "set the `iss` that tokens must have")
        return
    mend = "see that GREENLANG_API_JWKS names the issuer's key set (`jwks_uri` of its openid-configuration)"
    try:
        if urlsplit(where).scheme in ("http", "https"):
            answer = httpx.get(where, timeout=5)
            answer.raise_for_status()
            text = answer.text
        else:
            text = Path(where).read_text(encoding="utf-8")
        from greenlang.doctor.keyset import count

        number = count(text)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        yield fault(f"the key set cannot be had: {error or type(error).__name__}", mend)
        return
    yield ok(f"{number} keys") if number else fault("the key set holds no RSA key", mend)


def inbox(settings: Settings) -> Iterator[Found]:
    """Whether files of the inbox are taken in."""
    from greenlang.bucket import Bucket, hidden

    if not settings.var.is_dir() and settings.bucket is None:
        yield ok("not made yet")
        return
    try:
        entries = Bucket.open(settings.bucket_address).list("inbox", limit=5000)
    except BucketError:
        yield ok("the bucket is not there: see the check `bucket`")
        return
    old = [entry.name for entry in entries if time.time() - entry.modified > WAITING]
    never = [name for name in old if hidden(name)]
    waiting = [name for name in old if not hidden(name)]
    if waiting:
        yield warning(
            f"{_named(waiting)} {'has' if len(waiting) == 1 else 'have'} been in the inbox for more than an hour",
            "see that Dagster's daemon runs and `inbox_sensor` is switched on, or run `greenlang agent batch`",
        )
    if never:
        yield warning(
            f"{_named(never)}: a name that starts with a dot or ends in .tmp, .part, .swp or ~ is an upload under way "
            "and is never looked at",
            "rename it once it is whole, or remove it",
        )
    if not old:
        yield ok(f"{len(entries)} files, none for more than an hour")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def batches(settings: Settings) -> Iterator[Found]:
    """Whether a batch was killed, of whatever tenant, and nobody has gone on with its work."""
    from greenlang.factory.locks import BATCH, LAUNCHES, all_held, lock_files

    locks = lock_files(settings.var)
    shut = [lock for lock in locks if not os.access(lock, os.W_OK)]
    for lock in shut:
        yield fault(f"{lock} cannot be written: no batch can run", "give the factory's user the right to, or remove it")
    busy: list[str] = []
    found: list[Found] = []
    for lock in locks:
        if lock in shut:
            continue
        with all_held([lock]) as taken:
            if taken is not None:
                busy.append(lock.parent.name if lock.parent.parent.name == "tenants" else "")
            elif lock == settings.var / LAUNCHES:
                found += _queued(lock.parent)
            elif lock == settings.var / BATCH:
                found += _idle(settings)
            else:
                tenant = lock.parent.name
                found += [replace(one, message=f"{tenant}: {one.message}") for one in _idle(settings.of_tenant(tenant))]
    yield from (one for one in found if one.state != "ok")
    if busy:
        names = ", ".join(filter(None, busy))
        yield ok(f"one is running{f' for {names}' if names else ''}")
    elif not shut and not any(one.state != "ok" for one in found):
        yield ok("nothing was left undone" if locks else "none has run yet")


def _queued(launches: Path) -> Iterator[Found]:
    """While no process of the launcher lives: runs that wait for one."""
    folder = launches / "queue"
    waiting = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if waiting:
        yield warning(
            f"{len(waiting)} runs of the API wait, and no process works through them",
            "start the API and ask it for one of them: that starts the process",
        )


def _idle(settings: Settings) -> Iterator[Found]:
    """While no batch runs: what one has left."""
    from greenlang.factory.inbox.journal import unfinished
    from greenlang.metrics import log

    mend = "run it again (`line_batch` in Dagster, or `greenlang agent batch`): it goes on where that one was stopped"
    journals = unfinished(settings)
    if journals:
        yield warning(f"{len(journals)} intakes were killed before they were recorded, as {journals[0].name}", mend)
    half = [path.name for path in settings.packs.glob(".*") if path.suffix in (".new", ".old")]
    if half:
        yield warning(f"{_named(half)} in {settings.packs}: packs that were being replaced", mend)
    try:
        last = log.status(settings).last_run
    except QueryError as error:
        yield fault(f"the runs cannot be read: {error}", "see the check `catalogue`")
        return
    if last and last["finished_at"] is None:
        at = last["started_at"]
        since = at.replace(tzinfo=UTC).isoformat(timespec="minutes") if isinstance(at, datetime) else at
        yield warning(f"run {last['run_id']} of {since} has not ended, and no batch works", mend)
    elif not journals and not half:
        yield ok("nothing was left undone")
