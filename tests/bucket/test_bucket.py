"""The bucket behaves the same as a folder and as an object store."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from greenlang.bucket import Bucket, FolderBucket, hidden
from greenlang.errors import BucketError


def test_lists_sorted_and_pages_without_gaps_or_repeats(bucket: Bucket) -> None:
    names = sorted(["b.yaml", "a.yaml", "ä.yaml", "sub/c.yaml", "a b.yaml", "a#1.yaml", "Z.yaml", "10.yaml"])
    for name in reversed(names):
        bucket.write(f"inbox/{name}", name.encode())
    bucket.write("specs/other.yaml", b"x")
    assert [e.name for e in bucket.list("inbox")] == names
    seen: list[str] = []
    while page := bucket.list("inbox", after=seen[-1] if seen else "", limit=3):
        assert len(page) <= 3
        seen += [e.name for e in page]
    assert seen == names
    assert {e.name: e.size for e in bucket.list("inbox")} == {n: len(n.encode()) for n in names}


def test_reads_whole_or_only_the_first_bytes(bucket: Bucket) -> None:
    bucket.write("inbox/a", b"0123456789" * 300_000)
    assert bucket.read("inbox/a", 5) == b"01234"
    assert len(bucket.read("inbox/a")) == 3_000_000
    bucket.write("inbox/empty", b"")
    assert bucket.read("inbox/empty", 5) == b""


def test_a_missing_object_is_said_to_be_missing(bucket: Bucket) -> None:
    assert not bucket.exists("inbox/no")
    assert bucket.stat("inbox/no") is None
    with pytest.raises(FileNotFoundError):
        bucket.read("inbox/no")


def test_a_written_object_replaces_the_old_one_and_changes_its_etag(bucket: Bucket) -> None:
    bucket.write("inbox/a", b"one")
    before = bucket.stat("inbox/a")
    bucket.write("inbox/a", b"two!")
    after = bucket.stat("inbox/a")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag
    assert bucket.read("inbox/a") == b"two!"


def test_a_move_can_be_repeated(bucket: Bucket) -> None:
    bucket.write("inbox/a", b"one")
    assert bucket.move("inbox/a", "specs/b")
    assert bucket.move("inbox/a", "specs/b")
    assert bucket.read("specs/b") == b"one"
    assert not bucket.exists("inbox/a")
    assert not bucket.move("inbox/never", "specs/never")


def test_a_move_leaves_an_object_that_has_changed_since(bucket: Bucket) -> None:
    bucket.write("inbox/a", b"one")
    listed = bucket.list("inbox")[0]
    bucket.write("inbox/a", b"another")
    assert not bucket.move("inbox/a", "specs/a", etag=listed.etag)
    assert bucket.read("inbox/a") == b"another"
    assert not bucket.exists("specs/a")
    assert bucket.move("inbox/a", "specs/a", etag=bucket.list("inbox")[0].etag)


def test_moves_onto_the_same_bytes(bucket: Bucket) -> None:
    bucket.write("inbox/a", b"one")
    bucket.write("specs/a", b"one")
    assert bucket.move("inbox/a", "specs/a")
    assert bucket.list("inbox") == []
    assert bucket.read("specs/a") == b"one"


@pytest.mark.parametrize("name", [".a.yaml", "a.tmp", "a.yaml.part", ".a.yaml.swp", "a.yaml~", "sub/.git/a.yaml"])
def test_hidden_and_half_uploaded_names_are_known(name: str) -> None:
    assert hidden(name)
    assert not hidden("sub/a.yaml")


def test_a_name_that_is_no_utf8_is_listed_read_and_moved(folder: FolderBucket) -> None:
    (Path(os.fsdecode(os.fsencode(folder.root / "inbox") + b"/\xffx.yaml"))).write_bytes(b"one")
    (folder.root / "inbox" / "new\nline.yaml").write_bytes(b"two")
    assert [e.name for e in folder.list("inbox")] == ["%FFx.yaml", "new%0Aline.yaml"]
    assert folder.read("inbox/%FFx.yaml") == b"one"
    assert folder.move("inbox/%FFx.yaml", "rejected/%FFx.yaml")
    assert folder.read("rejected/%FFx.yaml") == b"one"


def test_no_path_leads_out_of_a_folder(folder: FolderBucket) -> None:
    for path in ("inbox/../../x", "inbox/%2e%2e/%2e%2e/x", "/etc/hostname"):
        with pytest.raises((BucketError, FileNotFoundError)):
            folder.read(path)
    with pytest.raises(BucketError):
        folder.write("inbox/../../x", b"")


def test_a_link_is_moved_as_the_bytes_that_it_shows(folder: FolderBucket, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_bytes(b"one")
    (folder.root / "inbox" / "a.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert folder.move("inbox/a.yaml", "specs/a.yaml")
    (tmp_path / "elsewhere.yaml").write_bytes(b"two")
    assert folder.read("specs/a.yaml") == b"one"


def test_a_file_settles_by_the_time_of_its_last_change_even_if_its_date_was_kept(
    folder: FolderBucket,
) -> None:
    folder.write("inbox/a.yaml", b"one")
    os.utime(folder.root / "inbox" / "a.yaml", (1, 1))  # what `cp -p` does
    entry = folder.list("inbox")[0]
    assert not folder.settled(entry, 2.0)
    assert folder.settled(entry, 2.0, now=time.time() + 3)
    assert folder.settled(entry, 2.0, now=time.time() - 3600), "a clock that was set back must not block for ever"


def test_objects_are_settled_when_they_appear(s3: Bucket) -> None:
    s3.write("inbox/a.yaml", b"one")
    assert s3.settled(s3.list("inbox")[0], 2.0)


@pytest.mark.parametrize("address", ["ftp://host/x", "http://host/x", "s3://", "nonsense://x"])
def test_an_address_that_names_no_bucket_is_refused(address: str) -> None:
    with pytest.raises(BucketError):
        Bucket.open(address)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BucketError, match="cannot be made"):
        Bucket.open(str(tmp_path / "file" / "bucket"))


@pytest.mark.slow
def test_an_object_store_that_is_away_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    start = time.monotonic()
    with pytest.raises(BucketError, match="s3://away: inbox/ cannot be listed"):
        Bucket.open("s3://away").list("inbox")
    assert time.monotonic() - start < 40
