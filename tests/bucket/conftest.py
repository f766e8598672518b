"""Buckets of both kinds, and small specs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from greenlang.bucket import Bucket
from greenlang.settings import Settings

SPEC = """\
schema_version: "2.0.0"
id: "{id}"
name: "Boiler"
version: "{version}"
summary: "{note}"
license: "Apache-2.0"
compute:
  entrypoint: "python://a.b:c"
  inputs:
    fuel: {{dtype: float64, unit: "MMBtu", ge: 0}}
  outputs:
    energy: {{dtype: float64, unit: "MMBtu"}}
  formulas:
    energy: "fuel * 2"
"""


@pytest.fixture
def spec() -> Callable[..., bytes]:
    """A small valid spec; ``note`` makes other bytes of the same id and version."""

    def make(id: str = "buildings/boiler", version: str = "1.0.0", note: str = "one") -> bytes:
        return SPEC.format(id=id, version=version, note=note).encode()

    return make


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", settle_seconds=0)


@pytest.fixture
def folder(settings: Settings) -> Bucket:
    return Bucket.open(settings.bucket_address)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a moto server in a process of its own, ended with the session."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
    )
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "moto did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    """A fresh prefix in an S3 bucket, reached as a user would: an address and the environment."""
    import hashlib

    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    name = "greenlang-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=s3_server)
    client.create_bucket(Bucket=name)
    client.close()
    return Bucket.open(f"s3://{name}/factory")


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """Each test that asks for this runs once on a folder and once on S3."""
    return request.getfixturevalue(request.param)
