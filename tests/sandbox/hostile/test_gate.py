"""The gate lets good code through and tells what it refuses; each rule has a case of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from greenlang.catalogue.build import SpecTexts, alike
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.rows import Row
from greenlang.catalogue.serving import Served, Serving
from greenlang.factors import FactorTable
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.sandbox import gate
from greenlang.sandbox.gate_rules import RULES, TELLING
from greenlang.specs.reader import read
from tests.factory.made_agents import imported, planned
from tests.sandbox.hostile.test_matrix import GOOD, PACKAGE
from tools.bench_catalogue import made_up

GOLDEN = Path(__file__).parents[2] / "golden"


def package_of(pack: Path) -> str:
    return next(p.parent.name for p in pack.glob("*/__init__.py"))


def found(tmp_path: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    """Place and rule of everything that is refused in a small pack with these files."""
    whole = {f"{PACKAGE}/__init__.py": "AGENT = None\n", "tests/test_unit.py": GOOD, **files}
    write_pack({name: text.encode() for name, text in whole.items()}, tmp_path / "pack")
    return [(f"{r.path}:{r.line}", r.rule) for r in gate.check(tmp_path / "pack", PACKAGE)]


@pytest.mark.parametrize("pack", sorted(p for p in GOLDEN.iterdir() if (p / "tests").is_dir()), ids=lambda p: p.name)
def test_no_golden_pack_is_refused_whether_parsed_before_or_not(pack: Path) -> None:
    package = package_of(pack)
    trees = {p.relative_to(pack).as_posix(): ast.parse(p.read_bytes()) for p in pack.rglob("*.py")}
    for given in (None, trees):
        refused = [r.text for r in gate.check(pack, package, given) if "__pycache__" not in r.path]
        assert refused == []


def _one_of_each_template() -> Iterable[Row]:
    serving = Serving(TemplateManager().templates.values())
    rows: dict[object, Row] = {}
    for row in made_up(500):
        served = serving.serve(row)
        if isinstance(served, Served):
            rows.setdefault(alike(served), row)
    return rows.values()


@pytest.mark.slow
def test_no_pack_of_the_catalogue_is_refused(tmp_path: Path) -> None:
    table, formulas, serving = FactorTable.load(), library(), Serving(TemplateManager().templates.values())
    texts = SpecTexts(table)
    looked_at = 0
    for row in list(_one_of_each_template())[:30]:
        served = serving.serve(row)
        assert isinstance(served, Served)
        spec, _ = read(texts.of(served), f"{row.row}.pack.yaml")
        assert spec is not None
        resolution = resolve(spec, table, formulas)
        if not resolution.complete:
            continue
        place = tmp_path / row.row
        write_pack(generate(resolution), place)
        assert [r.text for r in gate.check(place, package_of(place))] == []
        looked_at += 1
    assert looked_at >= 20


AGENT_FILE, TEST_FILE = f"{PACKAGE}/more.py", "tests/test_more.py"
ALLOWED = {
    "an input called open": (AGENT_FILE, "def f(*, open: int, compile: int) -> int:\n    return open + compile\n"),
    "an output called credits": (AGENT_FILE, "def credits() -> int:\n    return 1\n\n\nTOOLS = (credits,)\n"),
    "an output called vars": (AGENT_FILE, "def vars() -> int:\n    return 1\n\n\nTOOLS = (vars,)\n"),
    "a local called eval": (AGENT_FILE, "def f() -> int:\n    eval = 1\n    return eval\n"),
    "brackets in a description": (
        AGENT_FILE,
        "from typing import Annotated\nfrom pydantic import Field\n"
        'X = Annotated[int, Field(description="eval (kWh)")]\n',
    ),
    "an attribute called system": (AGENT_FILE, "def f(given: object) -> object:\n    return given.system\n"),
    "getattr of words out of a tuple": (
        TEST_FILE,
        'KEYS = ("output", "unit")\n\n\ndef test_a() -> None:\n    assert [getattr(1, key, 0) for key in KEYS]\n',
    ),
    "a patched stream": (
        TEST_FILE,
        "import sys\n\nimport pytest\n\n\ndef test_a(monkeypatch: pytest.MonkeyPatch) -> None:\n"
        '    monkeypatch.setattr(sys, "argv", ["x"])\n    monkeypatch.setenv("AGENT_LOGS", "json")\n',
    ),
    "the package's own, patched": (
        TEST_FILE,
        f"import {PACKAGE} as pack\n\n\ndef test_a(monkeypatch) -> None:\n"
        f"    monkeypatch.setattr(pack, 'AGENT', 1)\n    monkeypatch.setattr('{PACKAGE}.AGENT', 1)\n",
    ),
    "a text with plain places": (AGENT_FILE, "X = '{} and {name:>5}'.format(1, name=2)\n"),
    "a decorator": (AGENT_FILE, "from functools import wraps\n\n\ndef f(g: object) -> object:\n    return wraps(g)\n"),
    "patterns": (AGENT_FILE, "def f(x: object) -> object:\n    match x:\n        case str(y):\n            return y\n"),
    "the demos": ("demos/api.py", "from fastapi import FastAPI\n\napp = FastAPI()\n"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_good_code_may_do(name: str, tmp_path: Path) -> None:
    path, text = ALLOWED[name]
    assert found(tmp_path, {path: text}) == []


REFUSED = {
    "a module as a value": ("module", TEST_FILE, "import json\n\nx = json\n"),
    "a module through the package": ("module", TEST_FILE, f"import {PACKAGE} as pack\n\npack.more.sys.exit()\n"),
    "one name for two modules": ("module", TEST_FILE, "import json as x\nfrom pathlib import Path as x\n"),
    "eval before a function of that name": ("name", AGENT_FILE, "eval('1')\n\n\ndef eval() -> None: ...\n"),
    "eval as a default beside a parameter": ("name", AGENT_FILE, "def f(x=eval('1'), eval=None): ...\n"),
    "eval as the source of a comprehension": ("name", AGENT_FILE, "x = [eval for eval in eval('1')]\n"),
    "a global eval": ("name", AGENT_FILE, "def f():\n    global eval\n    eval = eval\n    return eval\n"),
    "open as a method": ("write", AGENT_FILE, "from pathlib import Path\n\nPath('x').open('w')\n"),
    "getattr by another name": ("indirect", AGENT_FILE, "g = getattr\n"),
    "getattr of a word put together": ("indirect", AGENT_FILE, "getattr(1, '__cl' + 'ass__')\n"),
    "getattr of a name that goes round": ("indirect", AGENT_FILE, "a = b\nb = a\ngetattr(1, a)\n"),
    "getattr of a hidden name": ("indirect", AGENT_FILE, "getattr(1, '__class__')\n"),
    "a patched library": ("patch", AGENT_FILE, "from pathlib import Path\n\nPath.read_text = None\n"),
    "a patched library by another name": ("patch", AGENT_FILE, "from pathlib import Path\n\nP = Path\nP.x = None\n"),
    "setattr of a library": ("patch", AGENT_FILE, "from pathlib import Path\n\nsetattr(Path, 'x', None)\n"),
    "a patched import by its path": (
        "patch",
        TEST_FILE,
        "def test_a(monkeypatch):\n    monkeypatch.setattr('os.getcwd', None)\n",
    ),
    "a variable of Python": (
        "patch",
        TEST_FILE,
        "def test_a(monkeypatch):\n    monkeypatch.setenv('PYTHONPATH', 'x')\n",
    ),
    "a folder for imports": ("patch", TEST_FILE, "def test_a(monkeypatch):\n    monkeypatch.syspath_prepend('x')\n"),
    "a fixture of pytest": ("hook", TEST_FILE, "def test_a(request): ...\n"),
    "a hook": ("hook", TEST_FILE, "def pytest_runtest_logreport(report): ...\n"),
    "names of pytest": ("import", TEST_FILE, "import pytest\n\npytest.main([])\n"),
    "a relative import out of the package": ("import", AGENT_FILE, "from .. import tests\n"),
    "everything of a module": ("import", AGENT_FILE, "from decimal import *\n"),
    "the year": ("chance", AGENT_FILE, "from datetime import datetime\n\nYEAR = datetime.now().year\n"),
    "the environment in the agent": ("escape import", AGENT_FILE, "import os\n\nX = os.environ\n"),
    "a program of Python": ("escape import", TEST_FILE, "import runpy\n\nrunpy.run_module('pdb')\n"),
    "a destructor": ("attribute", AGENT_FILE, "class A:\n    def __del__(self) -> None: ...\n"),
    "attributes read by format": ("format", TEST_FILE, "X = '{0.__code__}'.format(len)\n"),
    "format as a value": ("format", TEST_FILE, "f = str.format\n"),
    "format by its name": ("indirect", TEST_FILE, "getattr('', 'format')\n"),
    "a pattern of a class of its own": ("indirect", TEST_FILE, "match 1:\n    case Mine(x): ...\n"),
    "a list for patterns": ("name", TEST_FILE, "class A:\n    __match_args__ = ('x',)\n"),
    "another folder for imports": ("name", AGENT_FILE, "__path__ = []\n"),
    "a class for the built-in names": ("hook", AGENT_FILE, "class __builtins__: ...\n"),
    "an import under a name of Python": ("name", AGENT_FILE, "from math import pi as __path__\n"),
    "a module that is not there": ("import", TEST_FILE, f"from {PACKAGE}.os import x\n"),
    "hidden names of the package": ("attribute", AGENT_FILE, "from . import __loader__\n"),
    "what the SDK took": ("module", AGENT_FILE, "from greenlang_sdk.wrapper import update_wrapper\n"),
    "wraps as a value": ("indirect", AGENT_FILE, "from functools import wraps\n\nw = wraps\n"),
    "wraps with a list": ("indirect", AGENT_FILE, "from functools import wraps\n\nwraps(len, ('x',))\n"),
    "a pickle": ("attribute", AGENT_FILE, "def f(x):\n    return x.parse_raw('')\n"),
    "a request": ("attribute", AGENT_FILE, "def f(x):\n    return x.request.config\n"),
    "a hidden name in a test": ("private", TEST_FILE, "def test_a(caplog):\n    caplog._handler.x\n"),
    "a module that an error holds": ("attribute", TEST_FILE, "try:\n    x.y\nexcept AttributeError as e:\n    e.obj\n"),
    "a module that a class holds": ("attribute", AGENT_FILE, "from pathlib import Path\n\nx = Path._flavour.pathmod\n"),
    "a module that is handed over": ("hook", TEST_FILE, "def setup_module(module): ...\n"),
    "a mangled name": ("private", AGENT_FILE, "license._Printer__filenames = ['x']\n"),
    "a patch that nobody undoes": ("patch", TEST_FILE, "import pytest\n\npytest.MonkeyPatch()\n"),
    "a write as a value": ("write", AGENT_FILE, "from pathlib import Path\n\nw = Path.write_text\n"),
    "a patched name put together": (
        "patch",
        TEST_FILE,
        "def test_a(monkeypatch):\n    monkeypatch.setattr(x, a + b, 1)\n",
    ),
    "a patched hidden name": (
        "patch",
        TEST_FILE,
        "def test_a(monkeypatch):\n    monkeypatch.setattr(x, '__code__', 1)\n",
    ),
    "a library through the package": (
        "patch",
        TEST_FILE,
        f"import {PACKAGE} as pack\n\npack.more.Path.read_text = None\n",
    ),
    "a library by a path through the package": (
        "patch",
        TEST_FILE,
        f"def test_a(monkeypatch):\n    monkeypatch.setattr('{PACKAGE}.more.Path.read_text', None)\n",
    ),
    "a way up": ("outside", TEST_FILE, "X = 'a/../../b'\n"),
    "an annotation that runs": ("text as code", AGENT_FILE, "x: 'list[exec(1)]' = 1\n"),
    "tests in a folder": ("layout", "tests/more/test_a.py", ""),
    "a script": ("layout", "tools/run.py", ""),
    "a demo that hides a module": ("shadow", "demos/json.py", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_good_code_does(name: str, tmp_path: Path) -> None:
    rule, path, text = REFUSED[name]
    held = {"a module through the package": "import sys\n"}
    text_of_more = held.get(name, "from pathlib import Path\n" if "through the package" in name else "")
    more = {f"{PACKAGE}/more.py": text_of_more} if text_of_more else {}
    rules = {r for place, r in found(tmp_path, {**more, path: text}) if place.startswith(path)}
    assert rule in rules
    assert rule in RULES


def test_a_package_is_not_called_like_a_module_of_python(tmp_path: Path) -> None:
    write_pack({"json/__init__.py": b""}, tmp_path / "pack")
    assert [r.rule for r in gate.check(tmp_path / "pack", "json")] == ["shadow"]


def test_a_flood_of_findings_is_cut(tmp_path: Path) -> None:
    assert len(found(tmp_path, {AGENT_FILE: "eval\n" * 5_000})) == gate.MAX_FINDINGS


def test_one_attempt_makes_it_escaped_and_mistakes_alone_do_not(tmp_path: Path) -> None:
    mistake = gate.Refusal("a.py", 1, "import", "import of numpy")
    attempt = gate.Refusal("a.py", 2, "name", "eval")
    assert gate.outcome((mistake,))[::2] == ("failed", ())
    status, detail, attempts = gate.outcome((mistake, attempt))
    assert status == "escaped"
    assert detail == "refused before it ran: a.py:2: eval (name). Leave it out. (and 1 more)"
    assert attempts == ("asked for eval (name) in a.py:2",)


def test_an_author_s_word_that_looks_like_a_way_out_is_renamed(tmp_path: Path) -> None:
    words = sorted(word for word in TELLING if word.isidentifier() and not word.startswith("_"))
    assert {"mro", "request", "touch", "io"} <= set(words)
    fields = "\n".join(f"    {word}: {{dtype: float64, unit: '1', ge: 0}}" for word in [*words, "pytest_score"])
    resolution, findings = planned(
        "schema_version: '2.0.0'\nid: names/words_v1\nname: Words\nversion: '1.0.0'\nsummary: Adds.\n"
        f"license: Apache-2.0\ncompute:\n  entrypoint: 'python://x:y'\n  inputs:\n{fields}\n"
        "  outputs:\n    total: {dtype: float64, unit: '1'}\n"
        f"  formulas:\n    total: {' + '.join(words)} + pytest_score\n"
    )
    assert resolution is not None, findings
    assert resolution.complete, resolution.missing
    write_pack(generate(resolution), tmp_path / "pack")
    assert gate.check(tmp_path / "pack", package_name(resolution.spec)) == ()
    with imported(resolution) as agent:
        given = dict.fromkeys([*words, "pytest_score"], 1)
        assert agent.AGENT.run(given).data.total == len(words) + 1
