"""bubblewrap as an outer layer round a fork server, where the machine has it and lets it work.

Belongs here: the command line of ``bwrap`` and finding out whether it works. Does not belong here: the confinement that
the verdict rests on (`greenlang.sandbox.confine`): that needs no package, and holds without this layer.

It adds namespaces of its own (processes, network, mounts, IPC, host name, user), a root that holds only Python and the
packs, a small /tmp, and an end together with the supervisor.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TMP_BYTES = 16 * 1024 * 1024
_PLACES = "/usr/bin:/bin:/usr/local/bin"
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
_MOST_LINKS = 20
_LEAST_PARTS = 3  # "/", and two folders below it: less is never bound whole


_starters: dict[int, ThreadPoolExecutor] = {}
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Layer:
    """What the machine offers: the program and its version; or ``reason``, why there is no such layer."""

    program: str = ""
    version: str = ""
    reason: str = ""

    @property
    def primitive(self) -> str:
        """Its name in a profile."""
        return f"bubblewrap {self.version}"


@functools.cache
def layer() -> Layer:
    """Ask once whether bubblewrap is installed and can make its namespaces. Never raises."""
    if not sys.platform.startswith("linux"):
        return Layer(reason="bubblewrap is for Linux only")
    program = shutil.which("bwrap", path=_PLACES)
    if program is None:
        return Layer(reason="bubblewrap is not installed")
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        # Isolated and without site: it shall tell whether a process starts at all, and cost no more.
        trial = [*command(program, ()), sys.executable, "-I", "-S", "-c", "pass"]
        tried = subprocess.run(trial, capture_output=True, text=True, timeout=10, check=False, cwd="/", env={})
    except (OSError, subprocess.SubprocessError) as error:
        return Layer(reason=f"bubblewrap does not start: {error}")
    if tried.returncode != 0:
        return Layer(reason=f"bubblewrap is refused here: {tried.stderr.strip()[-300:] or tried.returncode}")
    return Layer(program, said.split()[-1] if said.split() else "of unknown version")


def command(program: str, folders: Iterable[Path]) -> list[str]:
    """The words before the server's own command line. ``folders`` are read-only inside, beside Python itself."""
    bound: list[str] = []
    for root in _python_roots():
        bound += ["--ro-bind-try", str(root), str(root)]
    for folder in folders:
        bound += ["--ro-bind", str(folder), str(folder)]
    return [
        program,
        "--unshare-all",
        "--die-with-parent",
        "--cap-drop",
        "ALL",
        "--size",
        str(TMP_BYTES),
        "--tmpfs",
        "/tmp",  # noqa: S108 - a file system of its own
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        *bound,
        "--ro-bind-try",
        "/etc/ld.so.cache",
        "/etc/ld.so.cache",
        "--remount-ro",
        "/",
        "--chdir",
        "/",
    ]


@functools.cache
def _python_roots() -> tuple[Path, ...]:
    """The interpreter, its library, the installed packages, the code of the server and of the SDK."""
    found = {Path(p) for p in _SYSTEM}
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        found.add(Path(sysconfig.get_path(name)))
    base = Path(sys.base_prefix)
    found |= {*_links(Path(sys.executable)), Path(sys.prefix), base / "lib", base / "lib64"}
    for name in ("greenlang", "greenlang_sdk"):
        spec = importlib.util.find_spec(name)
        found |= {Path(place) for place in (spec.submodule_search_locations or [])} if spec else set()
    kept = sorted({p for p in found if p.exists()}, key=lambda p: len(p.parts))
    return tuple(p for p in kept if not any(p != other and p.is_relative_to(other) for other in kept))


def _links(path: Path) -> list[Path]:
    """A path and every place that its links lead over: each has to be there inside."""
    places = [path]
    while places[-1].is_symlink() and len(places) < _MOST_LINKS:
        places.append(Path(os.path.normpath(places[-1].parent / places[-1].readlink())))
    return [*places, path.resolve()]


def folder_of(pack: Path) -> Path:
    """The folder to bind for a pack: the one that holds its neighbours too, so that a server serves many packs.

    Never a top folder and never somebody's home: then it is the pack alone. Below the folder for temporary files it is
    a step higher, where each pack has a folder of its own. The child inside reads its own pack only.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    above = [pack.parent.parent, pack.parent] if pack.is_relative_to(temporary) else [pack.parent]
    for folder in above:
        if len(folder.parts) >= _LEAST_PARTS and folder not in (temporary, Path.home()):
            return folder
    return pack


def start(make: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a process from a thread that lives as long as this process.

    The kernel takes the thread that started ``bwrap --die-with-parent`` for its parent: a server that a passing thread
    started would be killed with it.
    """
    with _starting:
        starter = _starters.get(os.getpid())
        if starter is None:
            _starters.clear()  # in a fork: the threads of the parent are not here
            starter = _starters[os.getpid()] = ThreadPoolExecutor(1, "gl-sandbox-starter")
    return starter.submit(make).result()


def inside() -> bool:
    """Whether this process runs below bubblewrap: asked by the server, so that no profile names what is not there."""
    try:
        return Path("/proc/1/comm").read_text().strip() == "bwrap"
    except OSError:
        return False
