"""Ways to a shared class, a module or the judges, each with the rule of the gate that closes it.

Belongs here: data: small files that were each found open once. Does not belong here: packs that are run (`packs_gate`).
"""

from __future__ import annotations

from tests.sandbox.hostile.declared import PACKAGE
from tests.sandbox.hostile.snippets import AGENT_FILE, TEST_FILE

_DEMO = "demos/more.py"


def _test(code: str, head: str = "", arguments: str = "") -> dict[str, str]:
    body = "\n".join(f"    {line}" for line in code.splitlines())
    return {TEST_FILE: f"{head}\n\ndef test_more({arguments}):\n{body}\n"}


def _agent(code: str) -> dict[str, str]:
    return {AGENT_FILE: code}


_PATH = "from pathlib import Path\n"
_MODEL = "from pydantic import BaseModel, ConfigDict, Field\n\n\n"
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    # setting
    "the class of a thing": ("patch", _test("type(capsys).close = None", arguments="capsys")),
    "the class of a thing, deleted": ("patch", _test("del type(capsys).close", arguments="capsys")),
    "a class out of a list": ("set", _agent(_PATH + "for p in [Path]:\n    p.read_bytes = None\n")),
    "a class by a parameter": ("set", _agent(_PATH + "def f(p):\n    p.read_bytes = None\n\n\nf(Path)\n")),
    "a class by a walrus": ("set", _agent(_PATH + "(p := Path)\np.read_bytes = None\n")),
    "a class by two names": ("set", _agent(_PATH + "a = b = Path\nb.read_bytes = None\n")),
    "a class by a pattern": ("set", _agent(_PATH + "match Path:\n    case p:\n        p.read_bytes = None\n")),
    "the target of a loop": ("set", _agent(_PATH + "p = [Path]\nfor p[0].read_bytes in [None]: ...\n")),
    "the target of a comprehension": ("set", _agent(_PATH + "[0 for p in [Path] for p.read_bytes in [1]]\n")),
    "the target of with": ("set", _agent(_PATH + "def f(p, x):\n    with x as p.read_bytes: ...\n")),
    "an annotated target": ("set", _agent(_PATH + "def f(p):\n    p.read_bytes: int = 1\n")),
    "an added target": ("set", _agent(_PATH + "def f(p):\n    p.read_bytes += 1\n")),
    "a method with another self": (
        "set",
        _agent(_PATH + "class A:\n    def f(self):\n        self.read_bytes = 1\n\n\nA.f(Path)\n"),
    ),
    "a beginning with another self": (
        "attribute",
        _agent(_PATH + "class A:\n    def __init__(self):\n        self.read_bytes = 1\n\n\nA.__init__(Path)\n"),
    ),
    "a beginning that a decorator takes away": (
        "set",
        _agent("class A:\n    @take\n    def __init__(self):\n        self.read_bytes = 1\n"),
    ),
    "self, which is another": (
        "set",
        _agent(_PATH + "class A:\n    def __init__(self):\n        self = Path\n        self.read_bytes = 1\n"),
    ),
    "self of a function inside": (
        "set",
        _agent("class A:\n    def __init__(self):\n        def f(self):\n            self.read_bytes = 1\n"),
    ),
    "setattr of what came in": ("set", _agent("def f(p):\n    setattr(p, 'read_bytes', None)\n")),
    "setattr as a value": ("indirect", _agent("from functools import partial\n\nx = partial(setattr, 1)\n")),
    "a name for the package that is another": (
        "set",
        _test("pack.x = 1", f"import {PACKAGE} as pack\n", "pack"),
    ),
    "a class that the package calls its own": (
        "set",
        {AGENT_FILE: _PATH + "P = Path\n", **_test("pack.more.P.x = 1", f"import {PACKAGE} as pack\n")},
    ),
    "a class by its path through the package": (
        "patch",
        {AGENT_FILE: _PATH + "P = [Path][0]\n"}
        | _test(f"monkeypatch.setattr('{PACKAGE}.more.P.x', 1)", arguments="monkeypatch"),
    ),
    "monkeypatch of what is in a list": ("set", _test("monkeypatch.setattr(x[0], 'a', 1)", arguments="monkeypatch")),
    "monkeypatch's method as a value": ("patch", _test("f = monkeypatch.setattr", arguments="monkeypatch")),
    "monkeypatch's method by its word": (
        "indirect",
        _test("getattr(monkeypatch, 'setattr')(1, 'a', 2)", arguments="monkeypatch"),
    ),
    "monkeypatch's method by a pattern": (
        "attribute",
        _test("match monkeypatch:\n    case object(setattr=f):\n        f(1)", arguments="monkeypatch"),
    ),
    "monkeypatch in the package": ("patch", _agent("def f(m):\n    m.setattr(1, 'read_bytes', 2)\n")),
    "monkeypatch made in a list": ("indirect", _test("[pytest.MonkeyPatch][0]()", "import pytest\n")),
    "a dataclass of a library": (
        "indirect",
        _agent(_PATH + "from dataclasses import dataclass\n\ndataclass(Path)\n"),
    ),
    "a dataclass of what a decorator gives": (
        "indirect",
        _agent(_PATH + "from dataclasses import dataclass\n\n\n@dataclass\n@take\nclass A: ...\n"),
    ),
    "a dataclass handed on": (
        "indirect",
        _agent(_PATH + "import dataclasses\n\nlist(map(dataclasses.dataclass, [Path]))\n"),
    ),
    "an order for a library": (
        "indirect",
        _agent("from functools import total_ordering\n\nx = total_ordering\n"),
    ),
    # making classes
    "type with three arguments": ("indirect", _agent("X = type('X', (), {})\n")),
    "type of a class, called": ("indirect", _agent("X = type(int)('X', (), {})\n")),
    "type as a value": ("indirect", _agent("x = [type]\n")),
    "a class of classes": ("indirect", _agent("class M(type): ...\n")),
    "a metaclass": ("indirect", _agent("class A(metaclass=f): ...\n")),
    "the state of a copy": ("attribute", _agent("class A:\n    def __getstate__(self): ...\n")),
    "objects made otherwise": ("attribute", _agent("class A:\n    def __new__(cls): ...\n")),
    "a descriptor": ("attribute", _agent("class A:\n    def __set_name__(self, owner, name): ...\n")),
    "subclasses that are told": ("attribute", _agent("class A:\n    def __init_subclass__(cls): ...\n")),
    "every attribute": ("attribute", _agent("class A:\n    def __getattribute__(self, name): ...\n")),
    "a plan for pydantic": ("attribute", _agent("class A:\n    def __get_pydantic_core_schema__(cls, s, h): ...\n")),
    "a copy": ("import", _test("copy.copy(1)", "import copy\n")),
    # reading
    "words that are appended": ("indirect", _test("getattr(1, K[0])", "K = ['a']\nK.append('__class__')\n")),
    "words of a list": ("indirect", _test("x = [getattr(1, k) for k in K]", "K = ['a']\nK[0] = '__class__'\n")),
    "a word that is imported": (
        "indirect",
        _test("getattr(1, key)", f"from {PACKAGE}.more import key\nif 0:\n    key = 'a'\n"),
    ),
    "a word out of a pattern": (
        "indirect",
        _test("match x:\n    case key: getattr(1, key)", "if 0:\n    key = 'a'\n"),
    ),
    "a word that may be patched": ("indirect", _agent("K = 'a'\nx = getattr(1, K)\n")),
    "a field of frames": (
        "indirect",
        _agent(_MODEL + "class M(BaseModel):\n    model_config = ConfigDict(from_attributes=True)\n"),
    ),
    "a plan put together": (
        "indirect",
        _agent(_MODEL + "class M(BaseModel):\n    model_config = ConfigDict(**{'from_' + 'attributes': True})\n"),
    ),
    "a plan that is a dict": (
        "indirect",
        _agent(_MODEL + "class M(BaseModel):\n    model_config = {'from_' + 'attributes': True}\n"),
    ),
    "a plan in a class": ("indirect", _agent(_MODEL + "class M(BaseModel):\n    class Config: ...\n")),
    "a plan as words of a class": ("indirect", _agent(_MODEL + "class M(BaseModel, from_attributes=True): ...\n")),
    "a plan that is changed": ("attribute", _agent("def f(m):\n    m.model_config['x'] = 1\n")),
    "a check with words put together": ("indirect", _agent("def f(m, x, d):\n    m.model_validate(x, **d)\n")),
    "a check as a value": ("indirect", _agent("def f(m):\n    return m.model_validate\n")),
    "a check of attributes": ("indirect", _agent("def f(m, x):\n    m.model_validate(x, from_attributes=True)\n")),
    "an answer that is a model": (
        "indirect",
        {_DEMO: "from fastapi import FastAPI\n\n\n@FastAPI().get('/x')\ndef f() -> M: ...\n"},
    ),
    "an answer by a model": (
        "indirect",
        {_DEMO: "from fastapi import FastAPI\n\n\n@FastAPI().get('/x', response_model=M)\ndef f(): ...\n"},
    ),
    "an import in an annotation": (
        "text as code",
        _agent("import pydantic\n\n\nclass M(pydantic.BaseModel):\n    x: 'pydantic.ImportString' = 1\n"),
    ),
    "a module in an annotation": (
        "text as code",
        _agent("import pydantic\nfrom typing import Annotated\n\n\nx: 'Annotated[int, pydantic.main.sys]' = 1\n"),
    ),
    "a module of the SDK as a value": (
        "module",
        _agent("import greenlang_sdk.testing\n\nx = greenlang_sdk.testing\n"),
    ),
    "a module of the SDK through the package": (
        "module",
        {AGENT_FILE: "from greenlang_sdk import canonical\n"}
        | _test("pack.more.canonical.json", f"import {PACKAGE} as pack\n"),
    ),
    # the judges
    "a scope that is a function": (
        "indirect",
        {TEST_FILE: "import pytest\n\n\n@pytest.fixture(scope=lambda **k: 'module')\ndef f(): ...\n"},
    ),
    "a fixture that is a lambda": (
        "indirect",
        {TEST_FILE: "import pytest\n\nf = pytest.fixture(lambda request: request)\n"},
    ),
    "a lambda that asks for the request": ("hook", {TEST_FILE: "f = lambda request: request\n"}),
    "a fixture of the package's": (
        "indirect",
        {
            AGENT_FILE: "def f(request):\n    return request\n",
            TEST_FILE: f"import pytest\nfrom {PACKAGE}.more import f\n\nx = pytest.fixture()(f)\n",
        },
    ),
    "a test of the package's": (
        "hook",
        {
            AGENT_FILE: "def test_x(request): ...\n",
            TEST_FILE: f"from {PACKAGE}.more import test_x\n",
        },
    ),
    "a test by another name": ("hook", {TEST_FILE: f"import {PACKAGE} as pack\n\ntest_x = pack.more.f\n"}),
    "a test that a decorator makes": (
        "hook",
        {TEST_FILE: f"import {PACKAGE} as pack\n\n\n@pack.more.f\ndef test_x(): ...\n"},
    ),
    "tests of a class of the package's": (
        "hook",
        {TEST_FILE: f"import {PACKAGE} as pack\n\n\nclass TestX(pack.more.A): ...\n"},
    ),
    "a hook that is called": ("attribute", _test("x.hook.pytest_runtest_logreport(report=1)")),
    # what was closed before, asked for again
    "frames of a generator": ("attribute", _agent("x = (i for i in ()).gi_frame\n")),
    "frames of an error": ("attribute", _test("try: ...\nexcept ValueError as e:\n    e.__traceback__.tb_frame")),
    "the order of a class": ("attribute", _agent("x = Agent.__mro__\n")),
    "an attribute in an f-string": ("attribute", _agent("x = f'{x.__class__}'\n")),
    "a style of logs": ("attribute", _agent("x = '{0.__class__}'.__mod__\n")),
    "attrgetter": ("import", _agent("from operator import attrgetter\n")),
    "type hints": ("import", _agent("from typing import get_type_hints\n")),
    "a formatter": ("import", _agent("from string import Formatter\n")),
    "resources": ("escape import", _agent("from importlib import resources\n")),
    "weak references": ("escape import", _agent("import weakref\n")),
    "a profile": ("escape import", _agent("import sys\n\nsys.setprofile(None)\n")),
    "a handler of signals": ("escape import", _test("1", "import signal\n")),
    "other contexts": ("import", {f"{PACKAGE}/logs.py": "from contextvars import copy_context\n"}),
    "the end of the process": ("escape import", _test("1", "import atexit\n")),
    "vars": ("name", _agent("x = vars(int)\n")),
}
