"""The store: objects under names, in a folder or behind ``s3://``, ``gs://`` or ``az://``.

Belongs here: reading and writing bytes. Does not belong here: what they are.

Unlike the bucket, where people drop files, every name here is ours: plain ASCII, so that a folder goes through obstore
as well. Credentials and end points come from the environment (see `greenlang.bucket`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang.errors import ExchangeError

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Store:
    """A store. Every method raises ExchangeError where it cannot be reached; FileNotFoundError for a missing object."""

    def __init__(self, address: str) -> None:
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, from_url

        self.address = address.rstrip("/")
        self._store: ObjectStore
        scheme, mark, rest = self.address.partition("://")
        try:
            if not mark or scheme == "file":
                folder = Path(rest if mark else self.address).expanduser().absolute()
                self._store = LocalStore(folder, automatic_cleanup=False, mkdir=True)
            else:
                self._store = from_url(
                    self.address, retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
                )
        except (BaseError, OSError, ValueError) as error:
            raise ExchangeError(f"the store {address} cannot be opened: {_first_line(error)}") from error

    def names(self, prefix: str) -> dict[str, int]:
        """Names below a prefix (a whole segment), relative to it, sorted -> bytes."""
        import obstore

        with self._asking(f"{prefix}/ cannot be listed"):
            found = {
                meta["path"].removeprefix(f"{prefix}/"): int(meta["size"])
                for page in obstore.list(self._store, prefix, chunk_size=1000)
                for meta in page
            }
        return dict(sorted(found.items()))

    def exists(self, name: str) -> bool:
        """Whether the object is there."""
        import obstore

        try:
            with self._asking(f"{name} cannot be read"):
                obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """The object's bytes."""
        import obstore

        with self._asking(f"{name} cannot be read"):
            return bytes(obstore.get(self._store, name).bytes())

    def write(self, name: str, data: bytes | Path) -> None:
        """Write an object, over the one that stands there: who reads meets the old one or the new one, whole."""
        import obstore

        with self._asking(f"{name} cannot be written"):
            obstore.put(self._store, name, data)

    def claim(self, name: str, data: bytes) -> bool:
        """Write an object that must not be there yet; False if it is. Of two that write at once one is told False."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._asking(f"{name} cannot be written"):
            try:
                obstore.put(self._store, name, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; no error for those that are gone."""
        import obstore

        with self._asking("objects cannot be deleted"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    obstore.delete(self._store, name)

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError, ValueError) as error:
            raise ExchangeError(f"{self.address}: {what}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
