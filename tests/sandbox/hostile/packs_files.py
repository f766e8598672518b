"""Hostile packs that reach for files and the network."""

from __future__ import annotations

import importlib.util
import io
import marshal
import tarfile

from tests.sandbox.hostile.declared import PACKAGE, Hostile, raw, swallowed


def _tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("../../gl-left")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"left"))
    return data.getvalue()


def _pyc() -> bytes:
    """Compiled code that Python takes without a look at the source."""
    code = compile("open('/etc/passwd').read()", "tools.py", "exec")
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + b"\0" * 8 + marshal.dumps(code)


PACKS: tuple[Hostile, ...] = (
    # files
    Hostile("passwd", "reads /etc/passwd", swallowed("open('/etc/passwd').read()"), "name", "escaped", "read /etc/"),
    Hostile(
        "sibling",
        "reads the pack beside it, by a path that no list can see through",
        swallowed("(Path(__file__).parents[2] / 'sibling' / 'secret.json').read_text()", "from pathlib import Path\n"),
        "",
        "escaped",
        "read ",
    ),
    Hostile(
        "environment",
        "reads the environment of the process",
        swallowed("Path('/proc/self/environ').read_bytes()", "from pathlib import Path\n"),
        "outside",
        "escaped",
        "read /proc/",
    ),
    Hostile(
        "memory of the parent",
        "reads the memory of the fork server",
        swallowed("os.open(f'/proc/{os.getppid()}/mem', os.O_RDONLY)", "import os\n"),
        "escape import",
        "escaped",
        "read /proc/",
    ),
    Hostile(
        "writes outside",
        "writes to /tmp",
        swallowed("Path('/tmp/gl-left').write_text('x')", "from pathlib import Path\n"),
        "write",
        "escaped",
        "wrote /tmp/gl-left",
    ),
    Hostile(
        "leaves a file",
        "writes beside its own tests",
        swallowed("Path(__file__).with_name('gl-left').write_text('x')", "from pathlib import Path\n"),
        "write",
        "escaped",
        "wrote ",
    ),
    Hostile(
        "shared memory",
        "leaves a file in /dev/shm",
        swallowed("open('/dev/shm/gl-left', 'w')"),
        "name",
        "escaped",
        "wrote",
    ),
    Hostile(
        "makes a link",
        "makes a symbolic link to /etc",
        swallowed("Path(__file__).with_name('gl-left').symlink_to('/etc')", "from pathlib import Path\n"),
        "write",
        "escaped",
        "made a link",
    ),
    Hostile(
        "link in the pack",
        "comes with a symbolic link to /etc and reads through it",
        swallowed("(Path(__file__).parents[1] / 'etc' / 'passwd').read_text()", "from pathlib import Path\n"),
        "link",
        "escaped",
        "read /etc/passwd",
        links={"etc": "/etc"},
    ),
    Hostile(
        "archive",
        "unpacks an archive whose member climbs out of the pack",
        swallowed(
            # not extractall: the first versions of Python 3.11 have no filters, later ones refuse such members by one
            "archive = tarfile.open(Path(__file__).with_name('a.tar'))\n"
            "member = archive.next()\n"
            "Path(__file__).parent.joinpath(member.name).write_bytes(archive.extractfile(member).read())",
            "import tarfile\nfrom pathlib import Path\n",
        )
        | {"tests/a.tar": _tar()},
        "native",
        "escaped",
        "wrote ",
    ),
    Hostile(
        "bytecode",
        "comes with compiled code that is not its source, which nobody loads",
        {f"{PACKAGE}/__pycache__/tools.cpython-{{tag}}.pyc": _pyc()},
        "bytecode",
        "passed",
        then="harmless",
    ),
    Hostile(
        "path file",
        "comes with a .pth file, which Python runs at its start",
        {"evil.pth": "import os; os.system('true')\n"},
        "native",
        "passed",
        then="harmless",
    ),
    # network
    Hostile(
        "tcp",
        "opens a TCP socket",
        swallowed("socket.create_connection(('127.0.0.1', 9))", "import socket\n"),
        "escape import",
        "escaped",
        "a ",
    ),
    Hostile(
        "udp",
        "opens a UDP socket",
        swallowed("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "import socket\n"),
        "escape import",
        "escaped",
        "opened a socket",
    ),
    Hostile(
        "unix",
        "opens a Unix socket",
        swallowed("socket.socket(socket.AF_UNIX)", "import socket\n"),
        "escape import",
        "escaped",
        "opened a socket",
    ),
    Hostile(
        "name look-up",
        "asks for the address of a host",
        swallowed("socket.getaddrinfo('example.org', 80)", "import socket\n"),
        "escape import",
        "escaped",
        "looked up a host",
    ),
    Hostile(
        "raw socket",
        "opens a socket by a bare system call",
        raw("socket, 2, 1, 0"),
        "escape import",
        "escaped",
        "system call",
    ),
)
