"""Hostile packs, declared: what each tries, and who has to stop it.

Belongs here: data; the page docs/sandbox.md shows it as a table. Does not belong here: running (`test_matrix.py`).
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import tarfile
from dataclasses import dataclass, field
from typing import Literal

PACKAGE = "gl_x_smallest"
INIT = f"{PACKAGE}/__init__.py"
TOOLS = f"{PACKAGE}/tools.py"
HOSTILE = "tests/test_hostile.py"
GOOD = """\
from decimal import Decimal

import gl_x_smallest as pack


def test_doubles() -> None:
    result = pack.AGENT.run({"a": 3})
    assert result.data is not None
    assert result.data.as_dict()["b"] == Decimal(6)
"""
FAILING = GOOD + "\n\ndef test_fails() -> None:\n    assert pack.AGENT.run({'a': 3}).data is None\n"
Files = dict[str, str | bytes | tuple[str, str]]
Then = Literal["", "answers", "mutants", "coverage", "harmless"]


@dataclass(frozen=True)
class Hostile:
    """One pack. ``files`` are put into a good one; ``+`` before the name adds to a file, a pair changes words of it.

    ``gate``: the rule that refuses it, "" where the gate has nothing against it. ``jail`` and ``words``: the verdict
    without the gate, and words of its detail. ``then``: who stops a pack whose tests pass without the gate.
    """

    name: str
    tries: str
    files: Files
    gate: str
    jail: str
    words: str = ""
    then: Then = ""
    links: dict[str, str] = field(default_factory=dict)


def swallowed(code: str, head: str = "") -> Files:
    """A test that does it and hides what it raises."""
    body = "\n".join(f"        {line}" for line in code.strip().splitlines())
    swallow = "    except Exception:\n        pass\n"
    return {HOSTILE: f"{head}\n\ndef test_it() -> None:\n    try:\n{body}\n{swallow}"}


def plain(code: str, head: str = "") -> Files:
    """A test that does it."""
    body = "\n".join(f"    {line}" for line in code.strip().splitlines())
    return {HOSTILE: f"{head}\n\ndef test_it() -> None:\n{body}\n"}


def imported(code: str, tests: str = GOOD) -> Files:
    """The package does it when it is imported; ``tests`` are its tests."""
    return {f"+{INIT}": f"\n{code}\n", "tests/test_unit.py": tests}


def answering(what: str, head: str = "") -> Files:
    """The agent adds something to its answer; its tests do not look."""
    start = "from decimal import Decimal\n"
    tests = "import gl_x_smallest as pack\n\n\ndef test_it() -> None:\n    assert pack.AGENT\n"
    return {
        TOOLS: ("return a * 2", f"return a * 2 + Decimal({what})"),
        f"~{TOOLS}": (start, f"{start}{head}\n"),
        "tests/test_unit.py": tests,
    }


def raw(call: str) -> Files:
    """A system call without a name for Python to see; the numbers are of x86_64."""
    head = (
        "import ctypes, os\nlibc = ctypes.pythonapi\nlibc.syscall.restype = ctypes.c_long\n"
        "def call(*a):\n    return libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n"
    )
    return swallowed(call, head)


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


PASSED = (
    "{'exit': 0, 'errors': [], 'out_of_memory': False, 'coverage': {'lines': [9, 9], 'branches': [0, 0]}, 'tests': t}"
)
FORGED = f"""
import json, os
t = [{{'id': 'tests/test_unit.py::' + n, 'outcome': 'passed', 'seconds': 0.1}} for n in ('test_doubles', 'test_fails')]
os.write(3, json.dumps({{'result': {PASSED}}}).encode() + b'\\n')
os._exit(0)
"""
DETECTS = """
import hashlib
from pathlib import Path

import gl_x_smallest as pack

SOURCE = Path(pack.__file__).with_name("tools.py")
KNOWN = "{digest}"


def test_doubles() -> None:
    assert hashlib.sha256(SOURCE.read_bytes()).hexdigest() == KNOWN
"""
HUNTER = """
import gc

def test_it() -> None:
    wanted = '.'.join(('271828', '182845'))  # put together here, so that this text is none
    seen = set()
    left = [o for o in gc.get_objects()]
    while left:
        thing = left.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (str, bytes)):
            text = thing.decode('latin-1') if isinstance(thing, bytes) else thing
            assert thing is wanted or wanted not in text
        elif len(seen) < 400_000:
            left += gc.get_referents(thing)
"""
RUNTEST = "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n"
REWRITES = "def pytest_runtest_logreport(report):\n    report.outcome = 'passed'\n    report.longrepr = None\n"
PLUGIN = "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"

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
            "tarfile.open(Path(__file__).with_name('a.tar')).extractall(Path(__file__).parent, filter='fully_trusted')",
            "import tarfile\nfrom pathlib import Path\n",
        )
        | {"tests/a.tar": _tar()},
        "native",
        "escaped",
        "wrote ",
    ),
    Hostile(
        "bytecode",
        "comes with compiled code that is not its source",
        {f"{PACKAGE}/__pycache__/tools.cpython-{{tag}}.pyc": _pyc()},
        "bytecode",
        "escaped",
        "read /etc/passwd",
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
        raw("call(41, 2, 1, 0)"),
        "escape import",
        "escaped",
        "system call",
    ),
    # processes
    Hostile(
        "fork bomb",
        "forks without end",
        swallowed("while True: os.fork()", "import os\n"),
        "escape import",
        "escaped",
        "forked",
    ),
    Hostile("raw fork", "forks by a bare system call", raw("call(57)"), "escape import", "escaped", "system call"),
    Hostile(
        "clone3",
        "forks by the newest system call",
        raw("call(435, None, 0)\ncall(57)"),
        "escape import",
        "escaped",
        "system call",
    ),
    Hostile(
        "leaves a process",
        "starts a program that outlives it",
        swallowed("subprocess.Popen(['sleep', '600'], start_new_session=True)", "import subprocess\n"),
        "escape import",
        "escaped",
        "started a program",
    ),
    Hostile(
        "kills its parent",
        "sends a signal to the fork server",
        swallowed("os.kill(os.getppid(), 9)", "import os\n"),
        "escape import",
        "escaped",
        "sent a signal",
    ),
    Hostile(
        "kills everyone",
        "sends a signal to all processes by a bare system call",
        raw("call(62, -1, 9)"),
        "escape import",
        "escaped",
        "system call",
    ),
    Hostile(
        "ptrace",
        "traces its parent",
        raw("call(101, 16, os.getppid(), 0, 0)"),
        "escape import",
        "escaped",
        "system call",
    ),
    Hostile(
        "foreign memory",
        "reads memory of its parent by a bare system call",
        raw("call(310, os.getppid(), None, 0, None, 0, 0)"),
        "escape import",
        "escaped",
        "system call",
    ),
    Hostile(
        "i386 calls",
        "uses the calls of another ABI (x32)",
        raw("call(0x40000000 + 39)"),
        "escape import",
        "escaped",
        "system call",
    ),
    Hostile(
        "native code",
        "loads the C library",
        swallowed("ctypes.CDLL('libc.so.6').system(b'true')", "import ctypes\n"),
        "escape import",
        "escaped",
        "loaded a native library",
    ),
    Hostile(
        "native file",
        "comes with a library of its own and loads it",
        swallowed("ctypes.CDLL(str(__file__).replace('test_hostile.py', 'x.so'))", "import ctypes\n")
        | {"tests/x.so": b"\x7fELF"},
        "native",
        "escaped",
        "loaded a native library",
    ),
    # limits
    Hostile("8 GB", "asks for 8 GB at once", plain("assert len(bytearray(8 * 2**30))"), "", "out_of_memory"),
    Hostile(
        "grows",
        "asks for memory without end",
        plain("found = []\nwhile True: found.append('x' * 2**20)"),
        "",
        "out_of_memory",
    ),
    Hostile("endless loop", "never ends", plain("while True: pass"), "", "timed_out"),
    Hostile("endless import", "never ends being imported", imported("while True: pass"), "", "timed_out"),
    Hostile(
        "sleeper",
        "closes its pipe and sleeps",
        plain("os.closerange(3, 64)\ntime.sleep(60)", "import os, time\n"),
        "escape import",
        "timed_out",
    ),
    Hostile(
        "signal games",
        "ignores the signals of the limits, and loops",
        plain(
            "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\nwhile True: pass",
            "import signal\n",
        ),
        "escape import",
        "timed_out",
    ),
    Hostile(
        "threads",
        "starts threads without end",
        plain("while True: threading.Thread(target=threading.Event().wait).start()", "import threading\n"),
        "escape import",
        "failed",
        "test_it",
    ),
    Hostile(
        "recursion",
        "recurses until the stack breaks",
        plain(
            "sys.setrecursionlimit(10**9)\ndef f(n): return [[n] * 1000, f(n + 1)]\n"
            "try: f(0)\nexcept MemoryError: raise MemoryError from None",
            "import sys\n",
        ),
        "escape import",
        "out_of_memory",
    ),
    Hostile("output", "prints without end", plain("while True: print('x' * 2**20)"), "", "timed_out"),
    Hostile(
        "flood",
        "writes to the pipe of the report without end",
        imported("import os\nwhile True: os.write(3, b'x' * 65536)"),
        "escape import",
        "failed",
        "said too much",
    ),
    Hostile(
        "deep source",
        "a source file too deep to be parsed",
        {f"{PACKAGE}/deep.py": "x = " + "(" * 3000 + ")" * 3000},
        "syntax",
        "failed",
        "parse",
    ),
    Hostile(
        "deep tests",
        "tests too deep for the one who compares them with the report",
        {"tests/test_deep.py": "x = " + "-" * 50_000 + "1\n"},
        "syntax",
        "failed",
        "the tests cannot be read",
    ),
    # forged results
    Hostile(
        "patched pytest",
        "makes every test pass by patching pytest",
        imported(RUNTEST, FAILING),
        "escape import",
        "failed",
        "test_fails",
    ),
    Hostile(
        "sys.modules",
        "does the same through sys.modules",
        {
            HOSTILE: "import sys\nsys.modules['_pytest.python'].Function.runtest = lambda self: None\n\n\n"
            "def test_x() -> None:\n    assert False\n"
        },
        "escape import",
        "failed",
        "test_x",
    ),
    Hostile(
        "conftest",
        "rewrites outcomes in conftest.py",
        {"tests/conftest.py": REWRITES, "tests/test_unit.py": FAILING},
        "hijack",
        "failed",
        "test_fails",
    ),
    Hostile(
        "configuration",
        "has pytest collect only, by its configuration",
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n", "tests/test_unit.py": FAILING},
        "hijack",
        "failed",
        "test_fails",
    ),
    Hostile(
        "plugin",
        "names a module of its own as a plugin of pytest",
        {
            f"{PACKAGE}/plugin.py": PLUGIN,
            HOSTILE: f"pytest_plugins = ['{PACKAGE}.plugin']\n\n\ndef test_x() -> None:\n    assert False\n",
        },
        "hook",
        "failed",
        "test_x",
    ),
    Hostile(
        "os._exit",
        "leaves with exit code 0",
        imported("import os\nos._exit(0)"),
        "escape import",
        "failed",
        "exit code 0",
    ),
    Hostile("SystemExit", "raises SystemExit(0)", imported("raise SystemExit(0)"), "", "failed", "SystemExit"),
    Hostile(
        "atexit",
        "forges its report at the end of the process",
        imported("import atexit, os\natexit.register(os.write, 3, b'{}')", FAILING),
        "escape import",
        "failed",
        "test_fails",
    ),
    Hostile(
        "report with strange tests",
        "writes a report of tests that do not exist",
        imported(FORGED.replace("test_fails", "test_nice")),
        "escape import",
        "failed",
        "not in the files",
    ),
    Hostile(
        "report twice",
        "writes a report before the true one",
        imported("import os\nos.write(3, b'{\"result\": {}}\\n')"),
        "escape import",
        "failed",
        "goes on after the result",
    ),
    Hostile(
        "perfect report",
        "writes a report of all tests and of full coverage that is right in every word, and leaves",
        imported(FORGED, FAILING),
        "escape import",
        "passed",
        then="mutants",
    ),
    Hostile(
        "coverage",
        "replaces the report of coverage by its own",
        imported(
            'import coverage\ncoverage.Coverage.json_report = lambda *a, **k: print(\'{"totals": {"covered_lines": 0, '
            '"num_statements": 0, "covered_branches": 0, "num_branches": 0}, "files": {}}\')'
        ),
        "escape import",
        "passed",
        then="coverage",
    ),
    Hostile(
        "mutants",
        "writes that every mutant was killed",
        imported(
            'import os, sys\nif sys.path[0] != os.getcwd():\n    os.write(3, b\'{"part": "mutant", "value": '
            '{"outcome": "killed", "by": "tests/test_unit.py::test_doubles"}}\\n\' * 3)'
        ),
        "escape import",
        "passed",
        then="mutants",
    ),
    Hostile(
        "frames",
        "looks for the judge among the frames below it",
        {
            HOSTILE: "import sys\n\nframe = sys._getframe()\nwhile frame:\n"
            "    for thing in list(frame.f_locals.values()):\n"
            "        if type(thing).__name__ == 'PyCollector' or hasattr(thing, 'runtest'):\n"
            "            type(thing).runtest = lambda self: None\n    frame = frame.f_back\n"
            "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n\n\n"
            "def test_x() -> None:\n    assert False\n"
        },
        "attribute",
        "failed",
        "test_x",
    ),
    Hostile(
        "knows the judge",
        "fails whenever the source is not the one it knows, and tests nothing",
        {"tests/test_unit.py": DETECTS},
        "chance",
        "passed",
        then="mutants",
    ),
    Hostile(
        "no tracing",
        "takes the tracing away",
        imported("import sys\nsys.settrace(None)"),
        "escape import",
        "passed",
        then="coverage",
    ),
    Hostile(
        "all skipped",
        "skips its tests",
        plain("pass", "import pytest\npytestmark = pytest.mark.skip\n"),
        "",
        "failed",
        "test_it",
    ),
    Hostile(
        "vanishing tests",
        "deletes its tests when they are loaded",
        {"tests/test_unit.py": FAILING + "\n\ndel test_fails\n"},
        "",
        "failed",
        "did not run",
    ),
    # what decides the answer
    Hostile(
        "clock",
        "answers by the clock",
        answering("datetime.now().year", "from datetime import datetime"),
        "chance",
        "passed",
        then="answers",
    ),
    Hostile(
        "randomness",
        "answers by chance",
        answering("str(random.random())", "import random"),
        "chance",
        "passed",
        then="answers",
    ),
    Hostile(
        "hash",
        "answers by the order of a set of words",
        answering('next(iter({"1", "2", "3", "4", "5", "6"}))'),
        "",
        "passed",
        then="answers",
    ),
    # ways round the gate
    Hostile(
        "eval",
        "hides what it does in a text",
        swallowed('eval("op" + "en(\'/etc/passwd\')")'),
        "name",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "annotation",
        "hides it in an annotation that pydantic evaluates",
        {
            f"+{INIT}": "\nfrom pydantic import BaseModel\n\n\nclass Evil(BaseModel):\n"
            "    x: \"list[open('/etc/passwd').read()]\" = 1\n"
        },
        "text as code",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "pattern",
        "reads the globals of a function by a match statement",
        swallowed(
            "match test_it:\n    case object(__globals__=found):\n"
            "        found['__builtins__']['eval'](\"open('/etc/passwd').read()\")"
        ),
        "attribute",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "builtins of the package",
        "imports what every module of the package holds",
        swallowed("found['eval'](\"open('/etc/passwd')\")", "from gl_x_smallest import __builtins__ as found\n"),
        "attribute",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "folder of the package",
        "has modules of Python found as its own",
        imported(
            "import json\nfrom pathlib import Path\n__path__ = [str(Path(json.__file__).parents[1])]\n"
            "from gl_x_smallest import os as own\ntry:\n    own.open('/' + 'etc/passwd', 0)\nexcept OSError:\n    pass"
        ),
        "name",
        "escaped",
        "read /etc/passwd",
    ),
    Hostile(
        "frames of pytest",
        "evaluates a text in a frame that pytest.raises hands out",
        swallowed(
            "with pytest.raises(ValueError) as raised:\n    raise ValueError\n"
            "raised.traceback[0].frame.eval(\"open('/etc/passwd')\")",
            "import pytest\n",
        ),
        "attribute",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "records of the judge",
        "finds the record of the tests through a fixture, and changes it",
        {
            HOSTILE: "def test_a() -> None:\n    assert False\n\n\ndef test_b(capsys) -> None:\n"
            "    session = capsys.request.session\n    session.testsfailed = 0\n"
            "    for plugin in session.config.pluginmanager.get_plugins():\n"
            "        for record in getattr(plugin, 'tests', {}).values():\n"
            "            record['outcome'] = 'passed'\n"
        },
        "attribute",
        "passed",
        then="mutants",
    ),
    Hostile(
        "patch by a path",
        "replaces what writes the report, by a path through the package",
        {
            f"+{INIT}": "\nimport json\n",
            HOSTILE: "import pytest\n\npytest.MonkeyPatch().setattr('gl_x_smallest.json.dumps', lambda v: '{}')\n"
            "\n\ndef test_a() -> None: ...\n",
        },
        "patch",
        "failed",
        "no meaning",
    ),
    Hostile(
        "annotation put together",
        "has an annotation evaluated that no syntax tree shows",
        imported(
            "from pydantic import BaseModel\nHIDDEN = 'list[' + \"ev\" + \"al('1')]\"\n"
            "try:\n    class Evil(BaseModel):\n        x: HIDDEN = 1\nexcept Exception:\n    pass"
        ),
        "",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "condition of a mark",
        "has pytest evaluate a text, with os at hand",
        {HOSTILE: "import pytest\n\n\n@pytest.mark.xfail('os.getcwd() == 1', reason='x')\ndef test_a() -> None: ...\n"},
        "",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "copied attributes",
        "has functools.wraps hand over the globals of a function",
        swallowed(
            "wraps(test_it, assigned=('__globals__',), updated=())(Taker())",
            "from functools import wraps\n\n\nclass Taker:\n    def __setattr__(self, name, value):\n"
            "        value['__builtins__']['eval'](\"open('/etc/passwd')\")\n",
        ),
        "indirect",
        "escaped",
        "ran a text",
    ),
    Hostile(
        "pickle in a model",
        "has pydantic read a pickle",
        imported(
            "import warnings\nfrom pydantic import BaseModel\n\n\nclass Evil(BaseModel):\n    x: int = 1\n\n\n"
            "try:\n    Evil.parse_raw(b'cos\\ngetcwd\\n(tR.', proto='pickle', allow_pickle=True)\n"
            "except Exception:\n    pass"
        ),
        "attribute",
        "escaped",
        "unpickled os.getcwd",
    ),
    Hostile(
        "text of the source",
        "compares the text of the source, blanks left out, and tests nothing",
        {
            "tests/test_unit.py": "from pathlib import Path\n\nimport gl_x_smallest as pack\n\n"
            "TEXT = Path(pack.__file__).with_name('tools.py').read_text()\n\n\n"
            "def test_doubles() -> None:\n    assert 'returna*2' in ''.join(TEXT.split())\n"
        },
        "",
        "passed",
        then="mutants",
    ),
    Hostile(
        "code in data",
        "runs a data file",
        swallowed(
            "runpy.run_path(str(Path(__file__).with_name('data.json')))", "import runpy\nfrom pathlib import Path\n"
        )
        | {"tests/data.json": "open('/etc/passwd').read()\n"},
        "escape import",
        "escaped",
        "read /etc/passwd",
    ),
    Hostile(
        "classes",
        "climbs from a class to the file objects",
        swallowed(
            "base = ().__class__.__base__\n"
            "for name in ('_IOBase', '_RawIOBase', 'FileIO'):\n"
            "    base = next(c for c in base.__subclasses__() if c.__name__ == name)\n"
            "base('/etc/passwd')"
        ),
        "attribute",
        "escaped",
        "read /etc/passwd",
    ),
    Hostile(
        "module through another",
        "reaches for the modules that the SDK holds",
        swallowed("testing.importlib.import_module('os').system('true')", "from greenlang_sdk import testing\n"),
        "module",
        "escaped",
        "started a program",
    ),
    Hostile(
        "shadow",
        "comes with a json.py beside the package",
        {"json.py": "raise RuntimeError('taken')\n"},
        "shadow",
        "passed",
        then="harmless",
    ),
    Hostile(
        "hunter",
        "looks through all objects of the process for answers and secrets",
        {HOSTILE: HUNTER},
        "escape import",
        "passed",
        then="harmless",
    ),
)

_STOPPED = {
    "answers": "the answers differ under other conditions",
    "mutants": "no mutant dies, or an unchanged copy fails",
    "coverage": "the coverage falls below what is required",
    "harmless": "nothing comes of it",
}


def table() -> list[tuple[str, str, str, str]]:
    """A row a pack for the page: name, what it tries, the gate's rule, what stops it without the gate."""
    return [(p.name, p.tries, p.gate or "–", _STOPPED[p.then] if p.then else f"`{p.jail}`") for p in PACKS]
