"""What the SDK needs: the standard library and pydantic, and no file read while importing."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import greenlang_sdk
import pytest

HOME = Path(greenlang_sdk.__file__).resolve().parent
MODULES = sorted(path.stem for path in HOME.glob("*.py") if path.stem != "__init__")
ALLOWED = {"greenlang_sdk", "pydantic", "__future__"} | set(sys.stdlib_module_names)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_the_standard_library_pydantic_and_the_sdk_only(name: str) -> None:
    assert {module.partition(".")[0] for module in imported(HOME / f"{name}.py")} <= ALLOWED


def test_an_agent_does_not_load_what_only_other_patterns_need() -> None:
    code = "import sys; import pydantic\nclass A(pydantic.BaseModel): x: int\nprint(*sys.modules)"
    pydantic_alone = set(run(code).split())
    loaded = set(run("import sys; import greenlang_sdk.agent; print(*sys.modules)").split()) - pydantic_alone
    assert "greenlang_sdk.agent" in loaded
    assert loaded & {"sqlite3", "html", "logging", "difflib", "greenlang", "pandas", "yaml"} == set()


def test_importing_opens_no_file_but_modules() -> None:
    code = (
        "import sys; import pydantic.main, pydantic.types, json, decimal, sqlite3, csv, html, logging, inspect\n"
        "from pydantic import BaseModel\n"
        "class Warm(BaseModel): x: int\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
        f"for name in {MODULES!r}: __import__('greenlang_sdk.' + name)\n"
        "print('\\n'.join(name for name in opened if not name.endswith(('.py', '.pyc')) and '.pyc.' not in name))"
    )
    assert run(code).split() == []


def test_the_page_of_the_package_names_every_module() -> None:
    assert greenlang_sdk.__doc__ is not None
    assert [name for name in MODULES if f"greenlang_sdk.{name}" not in greenlang_sdk.__doc__] == []


def test_the_distribution_says_the_same_as_the_package() -> None:
    project = tomllib.loads((HOME.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == greenlang_sdk.__version__
    assert [need.partition(">")[0] for need in project["dependencies"]] == ["pydantic"]
    assert (HOME / "py.typed").is_file()
