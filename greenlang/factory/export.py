"""A finished pack in the forms in which others take it: git bundle, wheels, serverless zip, OCI image layout.

Every export carries all that the agent needs, so it works where no package index can be reached. What is compiled
(pydantic-core) is that of this machine; the name of its wheel says for which. The same pack and environment give the
same bytes. Belongs here: git, wheels, zip. Does not belong here: images (``export_oci``), installed distributions
(``vendor``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from greenlang.errors import PackError
from greenlang.factory import vendor
from greenlang.factory.generate import templates
from greenlang.factory.views import PYDANTIC
from greenlang.provenance import CERTIFICATE, PackCertificate

Kind = Literal["git", "wheel", "oci", "zip"]
BACKEND = "flit_core>=3.12,<5"  # builds the agent from its source
# What an export that is a folder holds: only such a folder is replaced by a later export.
_FOLDERS = {
    "wheel": re.compile(r"[^/]+\.whl"),
    "oci": re.compile(r"oci-layout|index\.json|blobs/sha256/[0-9a-f]{64}"),
}
_MOMENT = "2020-01-01T00:00:00+00:00"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "GreenLang Agent Factory",
    "GIT_AUTHOR_EMAIL": "factory@greenlang.invalid",
    "GIT_AUTHOR_DATE": _MOMENT,
    "GIT_COMMITTER_NAME": "GreenLang Agent Factory",
    "GIT_COMMITTER_EMAIL": "factory@greenlang.invalid",
    "GIT_COMMITTER_DATE": _MOMENT,
}


@dataclass(frozen=True, slots=True)
class Pack:
    """A finished pack on disk, proved against its certificate."""

    folder: Path
    package: str
    distribution: str
    version: str
    agent_id: str

    @classmethod
    def open(cls, folder: Path) -> Pack:
        """Raises PackError for a folder that is no finished pack, or that was changed."""
        if not (folder / CERTIFICATE).is_file():
            raise PackError(f"{folder} is no finished pack: it has no {CERTIFICATE}")
        try:
            certificate = PackCertificate.load(folder)
            agent = certificate.content["agent"]
            found = cls(folder, agent["package"], agent["distribution"], agent["version"], agent["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise PackError(f"{folder / CERTIFICATE} is no certificate of a pack") from error
        findings = certificate.verify(folder)
        if findings:
            raise PackError(f"{folder} is not as it was certified: {'; '.join(findings[:3])}")
        return found

    @property
    def name(self) -> str:
        """The stem of what is exported."""
        return f"{self.distribution}-{self.version}"

    @property
    def wheels(self) -> tuple[Path, ...]:
        """The wheels of the agent and of the SDK."""
        return tuple(sorted((self.folder / "wheels").glob("*.whl")))

    @property
    def toolbox(self) -> bool:
        """Whether the agent has several tools."""
        return (self.folder / self.package / "parts").is_dir()


def export(folder: Path, kind: Kind, target: Path) -> Path:
    """Write one export into the folder ``target``; the file or folder that was made. Raises PackError."""
    from greenlang.factory.export_oci import image_layout

    pack = Pack.open(folder)
    makers: dict[str, tuple[str, Callable[[Pack, Path], None]]] = {
        "git": (f"{pack.name}.bundle", git_bundle),
        "wheel": (f"{pack.name}-wheels", wheelhouse),
        "zip": (f"{pack.name}-serverless.zip", serverless_zip),
        "oci": (f"{pack.name}-oci", image_layout),
    }
    name, make = makers[kind]
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target) as scratch:
        made = Path(scratch).absolute() / name  # git runs in a folder of its own
        final = target / name
        _replaceable(final, kind)
        make(pack, made)
        if final.is_dir():
            final.rename(Path(scratch) / "before")
        made.replace(final)
    return final


def _replaceable(final: Path, kind: Kind) -> None:
    """Raises PackError where something stands that no export of this kind has made."""
    if not os.path.lexists(final):
        return
    makes = _FOLDERS.get(kind)
    if makes is None or final.is_symlink() or not final.is_dir():
        ours = makes is None and final.is_file()
    else:
        inside = [path.relative_to(final).as_posix() for path in final.rglob("*") if not path.is_dir()]
        ours = all(makes.fullmatch(name) for name in inside)
    if not ours:
        raise PackError(f"{final} holds what no export made; move it away, or name another folder by --out")


def wheelhouse(pack: Pack, target: Path) -> None:
    """A folder of wheels: `pip install --no-index --find-links FOLDER DISTRIBUTION`."""
    target.mkdir()
    for path in pack.wheels:
        shutil.copyfile(path, target / path.name)
    for found in _needed(PYDANTIC):
        name, content = vendor.wheel(found)
        (target / name).write_bytes(content)


def serverless_zip(pack: Pack, target: Path) -> None:
    """A zip with the agent, all it needs, and `handler.handle`."""
    source = templates().get_template("export/handler.py.jinja").render(v=pack)
    files = {"handler.py": source.encode("utf-8")} | site_packages(pack)
    target.write_bytes(vendor.stored_zip(dict(sorted(files.items()))))


def site_packages(pack: Pack, *extra: str) -> dict[str, bytes]:
    """The agent and all it needs as an installed tree; ``extra`` are further requirements."""
    files: dict[str, bytes] = {}
    for path in pack.wheels:
        files |= vendor.unpacked(path)
    for found in _needed(PYDANTIC, *extra):
        files |= found.files
    return files


def _needed(*requirements: str) -> tuple[vendor.Vendored, ...]:
    return vendor.closure(requirements, without=["greenlang-sdk"])


def git_bundle(pack: Pack, target: Path) -> None:
    """A repository with one commit and a tag: the pack, and in `wheels/` what installing it from there needs."""
    if shutil.which("git") is None:
        raise PackError("git is not on the PATH; the export of a repository needs it")
    with TemporaryDirectory(prefix="greenlang-git-") as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(pack.folder, tree)
        for found in _needed(PYDANTIC, BACKEND):
            name, content = vendor.wheel(found)
            (tree / "wheels" / name).write_bytes(content)
        _git(tree, "init", "--quiet", "--initial-branch=main", "--template=")
        _git(tree, "add", "--all", "--force")
        _git(tree, "commit", "--quiet", "--message", f"{pack.agent_id} {pack.version}")
        _git(tree, "tag", f"v{pack.version}")
        held = ("HEAD", "main", f"v{pack.version}")  # HEAD: without, a clone checks nothing out
        _git(tree, "-c", "pack.threads=1", "bundle", "create", "--quiet", str(target), *held)


def _git(folder: Path, *arguments: str) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false", *arguments]
    done = subprocess.run(command, cwd=folder, env=plain | _GIT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackError(f"git could not make the repository: {done.stderr.strip()}")
