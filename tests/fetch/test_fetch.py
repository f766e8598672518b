"""Downloads from a real server on loopback: verified, resumed, refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from greenlang.errors import FetchError
from greenlang.factors.catalogue import PublishedFile
from greenlang.fetch import fetch, kept

CONTENT = bytes(range(256)) * 2000


class Publisher(ThreadingHTTPServer):
    """Serves one file; breaks off after ``break_after`` bytes; counts what it sent."""

    break_after: int | None = None
    ranges: bool = True
    status: int = 200
    asked: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = self.server.break_after
        self.wfile.write(CONTENT[start : None if stop is None else start + stop])
        if stop is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def declared(publisher: Publisher, content: bytes = CONTENT) -> PublishedFile:
    return PublishedFile.model_construct(
        name="factors.csv",
        folder="",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        address=f"http://127.0.0.1:{publisher.server_port}/factors.csv",
        note="",
    )


def test_a_file_is_fetched_once_and_kept_under_its_digest(publisher: Publisher, tmp_path: Path) -> None:
    file, seen = declared(publisher), []
    path = fetch(file, tmp_path, lambda _, have: seen.append(have))
    assert path == kept(tmp_path, file)
    assert path.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert fetch(file, tmp_path) == path
    assert len(publisher.asked) == 1


def test_what_broke_off_goes_on_where_it_stopped(publisher: Publisher, tmp_path: Path) -> None:
    file = declared(publisher)
    publisher.break_after = 100_000
    with pytest.raises(FetchError, match=r"run it again to go on"):
        fetch(file, tmp_path)
    have = kept(tmp_path, file).with_name("factors.csv.part").stat().st_size
    assert have > 0
    publisher.break_after = None
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert publisher.asked == [None, f"bytes={have}-"]


def test_a_server_without_ranges_sends_the_whole_file_again(publisher: Publisher, tmp_path: Path) -> None:
    file = declared(publisher)
    publisher.break_after, publisher.ranges = 100_000, False
    with pytest.raises(FetchError):
        fetch(file, tmp_path)
    publisher.break_after = None
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_whole_is_taken_by_its_digest(publisher: Publisher, tmp_path: Path) -> None:
    file = declared(publisher)
    part = kept(tmp_path, file).with_name("factors.csv.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_another_file_than_declared_is_thrown_away(publisher: Publisher, tmp_path: Path) -> None:
    file = declared(publisher, b"what the publisher had before")
    found, wanted = hashlib.sha256(CONTENT).hexdigest(), file.sha256
    with pytest.raises(FetchError, match=rf"has the SHA-256 {found}, declared is {wanted}"):
        fetch(file, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_server_that_fails_is_named(publisher: Publisher, tmp_path: Path) -> None:
    publisher.status = 503
    with pytest.raises(FetchError, match=r"`factors\.csv`: http://127\.0\.0\.1:\d+/factors\.csv: .*503"):
        fetch(declared(publisher), tmp_path)


def test_a_file_without_address_says_what_to_do(tmp_path: Path) -> None:
    file = PublishedFile(name="a.xlsx", sha256="0" * 64, bytes=1)
    with pytest.raises(FetchError, match=r"`a\.xlsx` has no direct address: fetch it by hand and name its folder with"):
        fetch(file, tmp_path)
