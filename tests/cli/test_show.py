"""How tables look where nobody watches, and how a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from greenlang.cli.show import CUT, facts, table


def test_a_cell_of_a_piped_table_is_cut_and_the_way_to_the_whole_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    table(("what", "why"), [("x" * 300, "y" * 300)])
    told = capsys.readouterr()
    assert "x" * 300 in told.out
    assert "y" * (CUT - 1) + "…" in told.out
    assert "y" * CUT not in told.out
    assert "--json has them whole" in told.err
    table(("what", "why"), [("x", "y" * CUT)])
    assert capsys.readouterr().err == ""


def test_lists_and_mappings_stand_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    table(("what", "detail"), [("key.issued", {"name": "anna", "roles": ["viewer", "developer"], "scopes": []})])
    facts([("providers", {"anthropic": "no key", "openai": "ok"}), ("errors", [])])
    told = capsys.readouterr().out
    assert "name: anna, roles: viewer, developer, scopes: " in told
    assert "providers  anthropic: no key, openai: ok" in told
    assert "errors" not in told


def test_bash_completes_commands() -> None:
    """The script that `--show-completion` prints, in a real bash."""
    there = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = """
    eval "$(_GREENLANG_COMPLETE=source_bash greenlang)"
    complete -p greenlang > /dev/null || exit 3
    COMP_WORDS=(greenlang "$1" "$2"); COMP_CWORD=${3}; _greenlang_completion greenlang; echo "${COMPREPLY[@]}"
    """
    for words, found in ((("regis", "", "1"), "registry"), (("registry", "reso", "2"), "resolve")):
        asked = ["bash", "-c", script, "bash", *words]
        done = subprocess.run(asked, env=there, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, found), done.stderr
