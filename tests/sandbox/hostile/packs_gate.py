"""Hostile packs that look for ways round the gate."""

from __future__ import annotations

from tests.sandbox.hostile.declared import HOSTILE, INIT, PACKAGE, Hostile, imported, plain, swallowed

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

PACKS: tuple[Hostile, ...] = (
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
    Hostile(
        "class of a thing",
        "changes a class of pytest that a thing of it shows, so that whatever is expected is raised",
        {
            "tests/test_unit.py": "import pytest\n\ntype(pytest.raises(ValueError)).__exit__ = lambda *_: True\n\n\n"
            "def test_doubles() -> None:\n    with pytest.raises(ValueError):\n        assert False\n"
        },
        "patch",
        "passed",
        then="mutants",
    ),
    Hostile(
        "method as a value",
        "takes monkeypatch's method for a value, and replaces what writes the report",
        {
            f"+{INIT}": "\nimport json\n",
            HOSTILE: f"import pytest\n\nimport {PACKAGE} as pack\n\nhanded = [pytest.MonkeyPatch][0]().setattr\n"
            "handed(pack.json, 'dumps', lambda v: '{}')\n\n\ndef test_a() -> None: ...\n",
        },
        "patch",
        "failed",
        "no meaning",
    ),
    Hostile(
        "modules of a demo",
        "takes the modules that a demo has imported out of what runpy hands over",
        {
            "demos/more.py": "import sys\n",
            "tests/test_unit.py": "import runpy\nfrom pathlib import Path\n\n"
            "held = runpy.run_path(str(Path(__file__).parents[1] / 'demos' / 'more.py'))\n"
            "kind = held['sys'].modules['_pytest.python'].Function\nkind.runtest = lambda self: None\n\n\n"
            "def test_doubles() -> None:\n    assert False\n",
        },
        "set",
        "failed",
        "1 of 1 tests",
    ),
    Hostile(
        "built-in names of a demo",
        "takes Python's own names out of what runpy hands over",
        plain(
            "held = runpy.run_path(str(Path(__file__).parents[1] / 'demos' / 'more.py'))\n"
            "held['__builtins__']['eval'](\"open('/' + 'etc/passwd')\")",
            "import runpy\nfrom pathlib import Path\n",
        )
        | {"demos/more.py": "X = 1\n"},
        "",
        "failed",
        "test_it",
    ),
    Hostile(
        "class of a file",
        "opens the pipe of the report by its number, with the class of a file that it reads",
        swallowed(
            "kind = type(Path(__file__).open().buffer.raw)\nkind(3, 'w', closefd=False).write(b'forged')",
            "from pathlib import Path\n",
        ),
        "indirect",
        "escaped",
        "opened the file descriptor 3",
    ),
    Hostile(
        "module in an annotation",
        "has an annotation evaluated that leads to a module, where no syntax tree shows it",
        imported(
            "import pydantic\nfrom typing import Annotated\nHIDDEN = 'Annotated[int, pydantic.ma' + 'in.sys]'\n"
            "try:\n    class Evil(pydantic.BaseModel):\n        x: HIDDEN = 1\nexcept Exception:\n    pass"
        ),
        "",
        "escaped",
        "ran a text that reaches for main",
    ),
    Hostile(
        "attributes by a model",
        "has pydantic read the request of a fixture, as the field of a model, and changes the record of the tests",
        {
            HOSTILE: "from typing import Any\n\nfrom pydantic import BaseModel, ConfigDict\n\n\n"
            "class Evil(BaseModel):\n    model_config = ConfigDict(from_attributes=True)\n    request: Any\n\n\n"
            "def test_a() -> None:\n    assert False\n\n\ndef test_b(capsys) -> None:\n"
            "    session = Evil.model_validate(capsys).request.session\n    session.testsfailed = 0\n"
            "    for plugin in session.config.pluginmanager.get_plugins():\n"
            "        for record in getattr(plugin, 'tests', {}).values():\n"
            "            record['outcome'] = 'passed'\n"
        },
        "indirect",
        "passed",
        then="mutants",
    ),
)
