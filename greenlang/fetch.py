"""Publishers' files over HTTPS: fetched once, resumed where they broke off, kept under their digest.

Belongs here: the network. Does not belong here: what the files mean (``greenlang.factors.readers``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from greenlang.errors import FetchError
from greenlang.factors.catalogue import Edition, PublishedFile
from greenlang.provenance import file_digest

Progress = Callable[[PublishedFile, int], None]
_CHUNK = 1 << 16
_TIMEOUT = 60.0
_PARTIAL, _BEYOND = 206, 416


def kept(folder: Path, file: PublishedFile) -> Path:
    """Where a fetched file lies: ``folder/<first 16 digits of its SHA-256>/<name>``."""
    return folder / file.sha256[:16] / file.name


def fetched(folder: Path) -> Callable[[Edition, PublishedFile], Path | None]:
    """Finds the files that were fetched before."""

    def locate(edition: Edition, file: PublishedFile) -> Path | None:
        del edition
        path = kept(folder, file)
        return path if path.is_file() else None

    return locate


def fetch(file: PublishedFile, folder: Path, progress: Progress | None = None) -> Path:
    """The file, from ``folder`` if it is there, else from its address. What broke off before goes on where it stopped.

    ``progress`` is told the bytes that are there. Raises FetchError if there is no address, the server fails, or what
    came is not the declared file; what came is then thrown away.
    """
    import httpx

    target = kept(folder, file)
    if target.is_file():
        return target
    if not file.address:
        raise FetchError(f"`{file.name}` has no direct address: fetch it by hand and name its folder with --from")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        _download(file, part, progress)
    except httpx.HTTPError as error:
        raise FetchError(
            f"`{file.name}`: {file.address}: {error or type(error).__name__}; run it again to go on"
        ) from error
    digest = file_digest(part)
    if digest != file.sha256:
        part.unlink()
        raise FetchError(
            f"`{file.name}`: what {file.address} holds now has the SHA-256 {digest}, declared is {file.sha256}"
        )
    part.replace(target)
    return target


def _download(file: PublishedFile, part: Path, progress: Progress | None) -> None:
    import httpx

    have = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with httpx.stream("GET", file.address, headers=headers, follow_redirects=True, timeout=_TIMEOUT) as response:
        if have and response.status_code == _BEYOND:  # it was whole already: the digest decides
            return
        response.raise_for_status()
        goes_on = response.status_code == _PARTIAL
        have = have if goes_on else 0
        with part.open("ab" if goes_on else "wb") as stream:
            for chunk in response.iter_bytes(_CHUNK):
                stream.write(chunk)
                have += len(chunk)
                if progress:
                    progress(file, have)
