"""Exports: each is installed and run where there is nothing else, and the same pack gives the same bytes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from greenlang.errors import PackError
from greenlang.factory import vendor
from greenlang.factory.export import Kind, export
from greenlang.factory.generate import generate
from greenlang.factory.pack import finish_pack, write_pack
from greenlang.factory.views import API_EXTRA, PYDANTIC
from greenlang.provenance import bytes_digest
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Profile, Verdict

GIVEN = '{"fuel_type": "natural_gas", "consumption": 1000, "country": "US"}'
PACKAGE = "gl_emissions_carbon_calculator_v1"
NAME = "gl-emissions-carbon-calculator-v1"


def finished(resolution: Resolution, folder: Path) -> Path:
    write_pack(generate(resolution), folder)
    verdict = Verdict("passed", Profile("weak", ()), (), None, 0.1)
    finish_pack(folder, resolution, dimensions=(), verdict=verdict, release="r", tables_digest="ab" * 32)
    return folder


@pytest.fixture(scope="module")
def pack(combustion: Resolution, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(combustion, tmp_path_factory.mktemp("packs") / "pack")


def bare(**more: str) -> dict[str, str]:
    """An environment in which no package of this one is found and pip reaches no index."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return kept | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"} | more


def call(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=bare(**more), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def empty_environment(folder: Path) -> Path:
    call(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    return folder / "venv" / "bin" / "python"


def data_of(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed)["data"]
    return found


@pytest.mark.slow
def test_wheels_install_without_an_index(pack: Path, combustion: Resolution, tmp_path: Path) -> None:
    wheels = export(pack, "wheel", tmp_path)
    python = empty_environment(tmp_path)
    call(python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels, NAME, cwd=tmp_path)
    answered = data_of(call(python, "-m", PACKAGE, GIVEN, cwd=tmp_path).stdout)
    assert answered["co2e_kg"] == combustion.vectors[0].expect["co2e_kg"]
    listed = json.loads(call(python, "-m", "pip", "list", "--format=json", cwd=tmp_path).stdout)
    assert {"greenlang-sdk", "pydantic", "pydantic-core"} <= {row["name"].replace("_", "-") for row in listed}


@pytest.mark.slow
def test_a_repository_is_cloned_installed_and_runs_from_source(
    pack: Path, combustion: Resolution, tmp_path: Path
) -> None:
    bundle = export(pack, "git", tmp_path)
    call("git", "clone", "--quiet", bundle, tmp_path / "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    assert call("git", "tag", cwd=clone).stdout == "v1.0.0\n"
    assert call("git", "log", "--format=%s", cwd=clone).stdout == "emissions/carbon_calculator_v1 1.0.0\n"
    assert {p.name for p in pack.iterdir()} <= {p.name for p in clone.iterdir()}
    python = empty_environment(tmp_path)
    (said,) = [line for line in (clone / "README.md").read_text().splitlines() if "pip install --find-links" in line]
    call("sh", "-c", f"{said} --quiet", cwd=clone, PATH=f"{python.parent}:{os.environ['PATH']}")
    listed = json.loads(call(python, "-m", "pip", "list", "--format=json", cwd=tmp_path).stdout)
    assert "flit_core" not in {row["name"] for row in listed}  # not every wheel there: some are for one platform only
    source = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", clone / "wheels", clone]
    call(*source, cwd=tmp_path)
    answered = data_of(call(python, "-m", PACKAGE, GIVEN, cwd=tmp_path).stdout)
    assert answered["co2e_kg"] == combustion.vectors[0].expect["co2e_kg"]
    demo = call(python, clone / "demos" / "command_line.py", cwd=tmp_path)
    assert "co2e_kg = " in demo.stdout


def instructions(image: str) -> list[tuple[str, str]]:
    """An image file's instructions with what they are given, lines joined, comments left out."""
    lines = [line for line in image.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined)]


def test_the_image_file_copies_what_the_pack_has(resolution: Resolution, tmp_path: Path) -> None:
    folder = finished(resolution, tmp_path / "pack")
    said = instructions((folder / "Dockerfile").read_text())
    copied = [rest.split() for word, rest in said if word == "COPY"]
    ignored, *kept = (folder / ".dockerignore").read_text().splitlines()
    assert (ignored, kept) == ("*", [f"!{source}" for source, _ in copied])
    assert copied == [["wheels/", "/tmp/wheels/"], ["demos/api.py", "/app/api.py"]]
    assert (folder / "demos" / "api.py").is_file()
    (run,) = (rest for word, rest in said if word == "RUN")
    patterns = [word.removeprefix("/tmp/wheels/") for word in run.split() if word.startswith("/tmp/wheels/")]
    named = {path.name for pattern in patterns for path in (folder / "wheels").glob(pattern)}
    assert named == {path.name for path in (folder / "wheels").iterdir()}


@pytest.mark.slow
def test_the_commands_of_the_image_file_work(pack: Path, tmp_path: Path) -> None:
    """Each as it stands there, with other folders and another port; the index is a folder of wheels."""
    index = tmp_path / "index"
    index.mkdir()
    for found in vendor.closure([PYDANTIC, *API_EXTRA], without=["greenlang-sdk"]):
        name, content = vendor.wheel(found)
        (index / name).write_bytes(content)
    python = empty_environment(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = instructions((pack / "Dockerfile").read_text())
    given = dict(said)  # the last of its kind
    assert [rest for word, rest in said if word == "EXPOSE"] == ["8080"]
    assert given["USER"].isdigit()
    (tmp_path / "app").mkdir()
    path = f"{python.parent}:{os.environ['PATH']}"
    for word, rest in said:
        if word == "COPY":
            source, target = rest.split()
            copy = shutil.copytree if source.endswith("/") else shutil.copyfile
            copy(pack / source, f"{tmp_path}{target}".replace("/tmp/wheels", "/built"))
        if word == "RUN":
            install, remove, user = rest.split(" && ")
            for command in (install, remove):
                here = command.replace("/tmp/wheels", str(tmp_path / "built"))
                call("sh", "-c", here, cwd=tmp_path, PATH=path, PIP_FIND_LINKS=str(index))
            assert re.fullmatch(rf"useradd .*--uid {given['USER']} \w+", user)
    assert not (tmp_path / "built").exists()
    serve = [word.replace("8080", str(port)).replace("0.0.0.0", "127.0.0.1") for word in json.loads(given["CMD"])]
    check = json.loads(given["HEALTHCHECK"].partition(" CMD ")[2].replace("8080", str(port)))
    proxied = bare(PATH=path, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")

    def healthy() -> bool:
        done = subprocess.run([python, *check[1:]], env=proxied, capture_output=True, check=False, timeout=60)
        return done.returncode == 0

    assert (serve[0], check[0]) == ("python", "python")
    assert not healthy()
    with subprocess.Popen([python, *serve[1:]], cwd=tmp_path / "app", env=proxied, stderr=subprocess.PIPE) as process:
        try:
            assert asked(f"http://127.0.0.1:{port}/health", process)["status"] == "ok"
            assert healthy()
        finally:
            process.terminate()


_EVENTS = """
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import handler
given = json.loads(sys.argv[2])
http = {"requestContext": {}, "isBase64Encoded": False}
print(json.dumps([
    handler.handle(given),
    handler.handle(http | {"body": json.dumps(given)}),
    handler.handle(http | {"body": base64.b64encode(json.dumps(given).encode()).decode(), "isBase64Encoded": True}),
    handler.handle(http | {"body": '{"fuel_type": "coal", "consumption": 1, "country": "US"}'}),
    handler.handle(http | {"body": "{"}),
    handler.handle(http | {"body": "[]"}),
]))
"""


@pytest.mark.slow
def test_the_serverless_zip_runs_by_itself(pack: Path, combustion: Resolution, tmp_path: Path) -> None:
    archive = export(pack, "zip", tmp_path)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "function")
    # -S and -I: no site-packages, no variables; only what the zip holds
    command = [sys.executable, "-I", "-S", "-c", _EVENTS, tmp_path / "function", GIVEN]
    direct, http, encoded, refused, broken, listed = json.loads(call(*command, cwd=tmp_path).stdout)
    assert direct["data"]["co2e_kg"] == combustion.vectors[0].expect["co2e_kg"]
    assert http["statusCode"] == encoded["statusCode"] == 200
    assert json.loads(http["body"]) == json.loads(encoded["body"]) == direct
    assert refused["statusCode"] == 422
    assert [broken["statusCode"], listed["statusCode"]] == [400, 400]


def unpack(layout: Path, target: Path) -> dict[str, Any]:
    """Lay the layers of an image on top of each other, proving each blob; its config."""

    def blob(digest: str) -> Path:
        path = layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        return path

    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(entry["digest"]).read_text())
    config = json.loads(blob(manifest["config"]["digest"]).read_text())
    assert [layer["digest"] for layer in manifest["layers"]] == config["rootfs"]["diff_ids"]
    for layer in manifest["layers"]:
        assert blob(layer["digest"]).stat().st_size == layer["size"]
        with tarfile.open(blob(layer["digest"])) as archive:
            older = not hasattr(tarfile, "tar_filter")  # before Python 3.11.4, such as Debian 12's
            archive.extractall(target, **({} if older else {"filter": "tar"}))
    found: dict[str, Any] = config
    return found


@pytest.fixture
def rooted() -> list[str]:
    """A command that changes the root folder."""
    chroot = shutil.which("chroot", path=os.defpath + ":/usr/sbin:/sbin")
    if chroot is None or sys.platform != "linux":
        pytest.skip("needs chroot on Linux")
    if os.geteuid() == 0:
        return [chroot]
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("needs root or user namespaces")
    return [str(shutil.which("unshare")), "--user", "--map-root-user", chroot]


@pytest.mark.slow
def test_an_image_runs_on_nothing_but_its_layers(
    pack: Path, combustion: Resolution, tmp_path: Path, rooted: list[str]
) -> None:
    config = unpack(export(pack, "oci", tmp_path), tmp_path / "root")
    variables = dict(line.split("=", 1) for line in config["config"]["Env"])
    assert config["config"]["User"] == "10001:10001"
    inside = [*rooted, str(tmp_path / "root")]
    done = subprocess.run(
        [*inside, "/usr/local/bin/python3", "-m", PACKAGE, GIVEN],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert data_of(done.stdout)["co2e_kg"] == combustion.vectors[0].expect["co2e_kg"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    serve = [port if word == "8080" else "127.0.0.1" if word == "0.0.0.0" else word for word in config["config"]["Cmd"]]
    serve[0] = f"/usr/local/bin/{serve[0]}"
    with subprocess.Popen([*inside, *serve, "--app-dir", "/app"], env=variables, stderr=subprocess.PIPE) as process:
        try:
            answer = asked(f"http://127.0.0.1:{port}/health", process)
        finally:
            process.terminate()
    assert answer["status"] == "ok"


def asked(address: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    for _ in range(300):
        assert process.poll() is None, process.communicate()[1]
        try:
            found: dict[str, Any] = httpx.get(address, timeout=10, trust_env=False).json()
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return found
    raise AssertionError("the image's server did not come up")


def digests(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {p.relative_to(path.parent).as_posix(): bytes_digest(p.read_bytes()) for p in files}


@pytest.mark.parametrize("kind", ["wheel", "zip", "git", "oci"])
def test_the_same_pack_is_exported_as_the_same_bytes(pack: Path, tmp_path: Path, kind: Kind) -> None:
    first = digests(export(pack, kind, tmp_path / "one"))
    again = digests(export(pack, kind, tmp_path / "two"))
    assert first == again
    assert digests(export(pack, kind, tmp_path / "one")) == first
    assert len(list((tmp_path / "one").iterdir())) == 1


def test_what_is_no_finished_pack_is_not_exported(combustion: Resolution, pack: Path, tmp_path: Path) -> None:
    write_pack(generate(combustion), tmp_path / "unfinished")
    with pytest.raises(PackError, match="no finished pack"):
        export(tmp_path / "unfinished", "zip", tmp_path / "out")
    shutil.copytree(pack, tmp_path / "changed")
    (tmp_path / "changed" / "README.md").write_text("changed")
    with pytest.raises(PackError, match=r"not as it was certified: README\.md was changed"):
        export(tmp_path / "changed", "zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("wheel", f"{NAME}-1.0.0-wheels/notes.txt"),
        ("zip", f"{NAME}-1.0.0-serverless.zip/x"),
        ("oci", f"{NAME}-1.0.0-oci"),
    ],
)
def test_what_no_export_made_is_not_replaced(pack: Path, tmp_path: Path, kind: Kind, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("somebody's")
    with pytest.raises(PackError, match="holds what no export made; move it away, or name another folder by --out"):
        export(pack, kind, tmp_path)
    assert (tmp_path / name).read_text() == "somebody's"


def test_a_vendored_wheel_is_the_installed_distribution(tmp_path: Path) -> None:
    (found,) = vendor.closure(["typing-extensions"])
    name, content = vendor.wheel(found)
    distribution, version, _, tags = parse_wheel_filename(name)
    assert (distribution, str(version)) == ("typing-extensions", importlib.metadata.version("typing-extensions"))
    assert tags & set(sys_tags())
    (tmp_path / name).write_bytes(content)
    inside = vendor.unpacked(tmp_path / name)
    record = next(text for file, text in inside.items() if file.endswith("/RECORD")).decode()
    assert {line.split(",")[0] for line in record.splitlines()} == set(inside)
    assert "typing_extensions.py" in inside


def test_compiled_wheels_keep_the_tags_of_their_machine() -> None:
    (found,) = [v for v in vendor.closure(["pydantic"]) if v.name in {"pydantic_core", "pydantic-core"}]
    tags = parse_wheel_filename(vendor.wheel(found)[0])[3]
    assert tags & set(sys_tags())
    assert not any(tag.platform == "any" for tag in tags)


def test_what_is_not_installed_cannot_be_carried() -> None:
    with pytest.raises(PackError, match="no-such-distribution is not installed here"):
        vendor.closure(["no-such-distribution"])
    with pytest.raises(PackError, match="pydantic<1 is needed"):
        vendor.closure(["pydantic<1"])


def test_a_file_changed_after_its_installation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: real(self) + (b"#" if self.name == "typing_extensions.py" else b"")
    )
    with pytest.raises(PackError, match="was changed after it was installed"):
        vendor.closure(["typing-extensions"])
