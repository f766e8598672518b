"""Code blocks of documents are run as a reader would run them; what is not run says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox.child_blocks import commands, run
from tests.sandbox import packs

MAIN = "import sys\nprint(sys.argv)\nraise SystemExit(int(sys.argv[1]))\n"


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = packs.write(tmp_path, files={"gl_blocks/__init__.py": "", "gl_blocks/__main__.py": MAIN, "demo.py": MAIN})
    monkeypatch.syspath_prepend(str(folder))
    return folder


def block(language: str, code: str, path: str = "README.md") -> dict[str, Any]:
    return {"path": path, "line": 1, "language": language, "code": code}


def results(pack: Path, *blocks: dict[str, Any]) -> list[tuple[str, str]]:
    return [(r["outcome"], r["message"]) for r in run(pack, list(blocks))]


def test_python_blocks_of_one_document_share_their_names(pack):
    assert results(
        pack,
        block("python", "x = 1"),
        block("python", "assert x == 1"),
        block("python", "assert x == 1", "docs/api.md"),
    ) == [("passed", ""), ("passed", ""), ("failed", "NameError: name 'x' is not defined")]


def test_a_signature_stands_alone(pack):
    assert results(pack, block("python", "def f(*, a: Decimal) -> Decimal: ...")) == [("passed", "")]


def test_an_example_that_is_refused_is_no_example(pack):
    made = "from greenlang_sdk.errors import AgentError\nfrom greenlang_sdk.results import AgentResult\n"
    refused = "result = AgentResult(success=False, errors=(AgentError('invalid_input', 'a', 'not known'),))"
    ((outcome, said),) = results(pack, block("python", made + refused))
    assert outcome == "failed"
    assert said.startswith("the example is refused: ")
    assert "not known" in said
    assert results(pack, block("python", made + "result = AgentResult(success=True)")) == [("passed", "")]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("python -m gl_blocks 0", ("passed", "")),
        ("python3 -m gl_blocks 1", ("failed", "SystemExit: 1")),
        ("python demo.py 0", ("passed", "")),
        ("AGENT_LOGS=json python demo.py 2", ("failed", "SystemExit: 2")),
        (
            "python -m venv env && . env/bin/activate",
            ("skipped", "python: it makes an environment; .: it enters an environment"),
        ),
        ("pip install x\npython -m gl_blocks 0", ("passed", "pip: it installs")),
        ("docker build .", ("skipped", "docker: it needs a container engine")),
        ("uvicorn --app-dir demos api:app", ("skipped", "uvicorn: it serves")),
        ("kubectl apply -f deploy/", ("skipped", "kubectl: it needs a cluster")),
        ("echo 1 | python -m gl_blocks", ("skipped", "echo: a pipe or a redirection needs a shell")),
        ("rm -rf /", ("skipped", "rm: no program but the agent's own is run")),
        ("python -m no_such_module", ("failed", "ImportError: No module named no_such_module")),
        ("python -m gl_blocks 'open", ("failed", "ValueError: No closing quotation")),
    ],
)
def test_a_shell_block(code, outcome, pack):
    assert results(pack, block("sh", code)) == [outcome]


def test_commands_go_over_lines_and_quotations():
    assert commands("python -m agent '{\n  \"a\": 1\n}'\npip install \\\n  x; ls # why") == [
        ["python", "-m", "agent", '{\n  "a": 1\n}'],
        ["pip", "install", "x"],
        ["ls"],
    ]


def test_arguments_environment_and_folder_come_back(pack):
    before = (list(sys.argv), dict(os.environ), Path.cwd(), sys.stdin)
    results(pack, block("sh", "NEW=1 python -m gl_blocks 0"), block("python", "import os\nos.environ['NEW'] = '2'"))
    assert (sys.argv, dict(os.environ), Path.cwd(), sys.stdin) == before
