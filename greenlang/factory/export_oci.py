"""An OCI image layout of a pack, made without a daemon and without a registry.

No base image can be fetched here, so the image brings its own: a first layer with this machine's Python interpreter,
its standard library, and the shared libraries that they load. Two more layers hold what the agent needs and the agent.
Layers are plain tar files without times and owners, so the same pack and machine give the same digests.

Belongs here: layers, config, index (OCI image spec 1.1). Does not belong here: pushing, running.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.errors import PackError
from greenlang.factory.views import API_EXTRA, PORT

if TYPE_CHECKING:
    from greenlang.factory.export import Pack

USER = 10001
HOME = "usr/local"
PACKAGES = f"{HOME}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
_CREATED = "2020-01-01T00:00:00Z"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# Parts of the standard library that no agent can use: tests, graphics, editors, pip's own wheel.
_UNUSED = re.compile(r"(?:site-packages|test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|__pycache__|config-.*)")
_UNUSED_MODULES = re.compile(r"_(?:test|xxtest|ctypes_test|tkinter|xxsub)\w*\.|turtle\.py|xxlimited")


@dataclass
class Layer:
    """Files, links and folders of a layer, by their path without a leading slash."""

    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, path: Path) -> None:
        """A file of this machine, executable if it is here."""
        self.files[name.lstrip("/")] = (path.read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644)

    def tar(self) -> bytes:
        """The layer's bytes."""
        buffer = io.BytesIO()
        names = {*self.files, *self.links, *self.folders}
        parents = {str(p) for name in names for p in Path(name).parents if str(p) != "."}
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(names | parents):
                entry = tarfile.TarInfo(name)
                if name in self.files:
                    content, entry.mode = self.files[name]
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
                elif name in self.links:
                    entry.type, entry.linkname = tarfile.SYMTYPE, self.links[name]
                    archive.addfile(entry)
                else:
                    entry.type, entry.mode = tarfile.DIRTYPE, self.folders.get(name, 0o755)
                    archive.addfile(entry)
        return buffer.getvalue()


def image_layout(pack: Pack, target: Path) -> None:
    """Write the image layout into the folder ``target``. Raises PackError where this machine cannot make one."""
    from greenlang.factory.export import site_packages

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    installed = site_packages(pack, *API_EXTRA)
    own = {name: data for name, data in installed.items() if name.startswith((f"{pack.package}/", f"{pack.package}-"))}
    needed = {name: data for name, data in installed.items() if name not in own}
    layers = [
        base_layer(version, [name for name in needed if name.endswith(".so")], needed),
        Layer({f"{PACKAGES}/{name}": (data, 0o644) for name, data in needed.items()}),
        Layer(
            {f"{PACKAGES}/{name}": (data, 0o644) for name, data in own.items()}
            | {"app/api.py": ((pack.folder / "demos" / "api.py").read_bytes(), 0o644)}
        ),
    ]
    python = f"CPython {platform.python_version()} of the machine that made this export, and what it loads"
    said = [python, "what the agent needs", f"{pack.agent_id} {pack.version}"]
    _write_layout(pack, target, list(zip(layers, said, strict=True)))


def _write_layout(pack: Pack, target: Path, layers: list[tuple[Layer, str]]) -> None:
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    described = [blob(layer.tar(), _LAYER) for layer, _ in layers]
    config = _config(pack, [d["digest"] for d in described], [said for _, said in layers])
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": blob(_json(config), _CONFIG),
        "layers": described,
        "annotations": {
            "org.opencontainers.image.title": pack.agent_id,
            "org.opencontainers.image.version": pack.version,
        },
    }
    entry = blob(_json(manifest), _MANIFEST)
    entry["platform"] = {"architecture": config["architecture"], "os": "linux"}
    entry["annotations"] = {"org.opencontainers.image.ref.name": pack.version}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    (target / "index.json").write_bytes(_json(index))
    (target / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def _config(pack: Pack, digests: list[str], said: list[str]) -> dict[str, Any]:
    serve = ["python3", "-m", "uvicorn", "api:app", "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104
    return {
        "created": _CREATED,
        "architecture": _architecture(),
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "WorkingDir": "/app",
            "Env": [
                f"PATH=/{HOME}/bin:/usr/bin:/bin",
                "LANG=C.UTF-8",
                f"PYTHONPATH=/{PACKAGES}",  # Debian's own interpreter looks into dist-packages only
                "PYTHONDONTWRITEBYTECODE=1",
                "PYTHONUNBUFFERED=1",
            ],
            "Cmd": serve,
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Labels": {
                "org.opencontainers.image.title": pack.agent_id,
                "org.opencontainers.image.version": pack.version,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created": _CREATED, "created_by": "greenlang agent export", "comment": line} for line in said],
    }


def _architecture() -> str:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        raise PackError(f"an image is made on Linux on x86_64 or aarch64, not on {sys.platform} on {machine}")
    return _ARCHITECTURES[machine]


def base_layer(version: str, compiled: Iterable[str], content: Mapping[str, bytes]) -> Layer:
    """Interpreter, standard library, and the shared libraries that they and ``compiled`` modules load."""
    _architecture()
    if shutil.which("ldd") is None:
        raise PackError("ldd is not on the PATH; an image needs it to find the interpreter's shared libraries")
    layer = Layer(folders={"tmp": 0o1777, "app": 0o755})
    binary = Path(sys.base_prefix) / "bin" / version
    if not binary.is_file():
        binary = Path(os.path.realpath(sys.executable))
    layer.add(f"{HOME}/bin/{version}", binary)
    layer.links |= {f"{HOME}/bin/python3": version, f"{HOME}/bin/python": version}
    library = Path(sysconfig.get_path("stdlib"))
    loading = [binary]
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library)
        if any(_UNUSED.fullmatch(part) for part in inside.parts) or _UNUSED_MODULES.match(inside.name):
            continue
        if path.is_file():
            layer.add(f"{HOME}/lib/{version}/{inside.as_posix()}", path)
            loading += [path] if path.suffix == ".so" else []
    for name, path in _shared(loading, [content[name] for name in compiled]).items():
        layer.add(name, path)
    layer.files |= {
        "etc/passwd": (f"root:x:0:0:root:/:/nologin\nagent:x:{USER}:{USER}:agent:/app:/nologin\n".encode(), 0o644),
        "etc/group": (f"root:x:0:\nagent:x:{USER}:\n".encode(), 0o644),
    }
    return layer


def _shared(paths: list[Path], modules: list[bytes]) -> dict[str, Path]:
    """Where each shared library stands in the image -> the file here.

    A library from outside the system's folders (an interpreter built by hand) is put beside libc, where the loader
    looks without being told.
    """
    from tempfile import TemporaryDirectory

    found: dict[str, str] = {}
    with TemporaryDirectory(prefix="greenlang-ldd-") as scratch:
        for number, module in enumerate(modules):
            path = Path(scratch) / f"{number}.so"
            path.write_bytes(module)
            paths = [*paths, path]
        said = subprocess.run(["ldd", *map(str, paths)], capture_output=True, text=True, check=False).stdout
    for line in said.splitlines():
        match = re.match(r"\s+(?:(\S+) => )?(/\S+) \(0x", line)
        if match:
            found[match[1] or match[2]] = match[2]
    libc = next((Path(place).parent for name, place in found.items() if name.startswith("libc.so")), None)
    if libc is None:
        raise PackError("ldd does not say which C library the interpreter loads")
    system = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
    places = {}
    for name, place in sorted(found.items()):
        inside = place if place.startswith(system) else str(libc / Path(name).name)
        places[inside] = Path(os.path.realpath(place))
    return places


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
