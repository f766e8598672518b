"""Code blocks of a pack's documents, run in the confined child as a reader would run them.

Belongs here: what a block does and whether it ended well. Does not belong here: finding blocks in documents.

Python blocks of one document share their names, as cells do. Annotations of a block are not evaluated, so that a
signature may stand alone. Of shell blocks the lines that run the agent are run in this process; lines that install,
build or serve are skipped, each with the reason.
"""

from __future__ import annotations
import __future__

import contextlib
import io
import os
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_TEXT = 2_000
_SKIPPED = {
    "pip": "it installs",
    "uv": "it installs",
    ".": "it enters an environment",
    "source": "it enters an environment",
    "uvicorn": "it serves",
    "docker": "it needs a container engine",
    "kubectl": "it needs a cluster",
    "pytest": "the tests are run by themselves",
    "greenlang": "it needs the factory",
}
_MODULES = {"venv": "it makes an environment", "pip": "it installs", "uvicorn": "it serves", "pytest": "see tests"}
_SETTING = re.compile(r"[A-Za-z_]\w*=")


def run(pack: Path, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outcome and message of each block, in order."""
    spaces: dict[str, dict[str, Any]] = {}
    results = []
    for block in blocks:
        names = spaces.setdefault(block["path"], {"__name__": "__main__"})
        with _kept(pack):
            try:
                outcome, message = _run(block, names)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; what it raised is reported
                outcome, message = "failed", f"{type(error).__name__}: {error}"
        results.append({"outcome": outcome, "message": message[:MAX_TEXT]})
    return results


@contextlib.contextmanager
def _kept(pack: Path) -> Iterator[None]:
    """In the pack's folder, with nothing printed; arguments, environment and standard input come back after it."""
    argv, environment, folder, stdin = sys.argv, dict(os.environ), os.getcwd(), sys.stdin  # noqa: PTH109 - each block
    os.chdir(pack)
    sys.stdin = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        sys.argv, sys.stdin = argv, stdin
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(folder)


def _run(block: dict[str, Any], names: dict[str, Any]) -> tuple[str, str]:
    if block["language"] == "python":
        flags = __future__.annotations.compiler_flag
        place = f"{block['path']}:{block['line']}"
        exec(compile(block["code"], place, "exec", flags=flags, dont_inherit=True), names)  # noqa: S102 - as its reader would
        refused = next((v for v in names.values() if type(v).__name__ == "AgentResult" and not v.success), None)
        return ("failed", f"the example is refused: {refused.error}") if refused is not None else ("passed", "")
    ran, skipped = 0, []
    for command in commands(block["code"]):
        reason = _command(command)
        if reason:
            skipped.append(f"{command[0]}: {reason}")
        else:
            ran += 1
    return ("passed" if ran else "skipped"), "; ".join(dict.fromkeys(skipped))


def commands(code: str) -> list[list[str]]:
    """The commands of a shell block, each as its words. Raises ValueError for a quotation that does not close."""
    found: list[list[str]] = []
    lines, text = code.splitlines(), ""
    for number, line in enumerate(lines):
        text += line if not text else f"\n{line}"
        if text.endswith("\\"):
            text = text[:-1]
            continue
        try:
            lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            if number == len(lines) - 1:
                raise
            continue
        text = ""
        found += _split(words)
    return found


def _split(words: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in (";", "&&"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _command(words: list[str]) -> str:
    """Run one command if it runs the agent; otherwise the reason why it is not run. Raises what it raises."""
    if words[0] == "$":
        words = words[1:]
    while words and _SETTING.match(words[0]):
        name, _, value = words[0].partition("=")
        os.environ[name] = value
        words = words[1:]
    if not words:
        return "it sets a variable"
    if set(words) & {"|", "<", ">", ">>", "&", "||"}:
        return "a pipe or a redirection needs a shell"
    program, arguments = words[0], words[1:]
    if not re.fullmatch(r"python[\d.]*", program):
        return _SKIPPED.get(program, "no program but the agent's own is run")
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        module = arguments[1]
        if module in _MODULES:
            return _MODULES[module]
        sys.argv = arguments[1:]
        return _ended(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))
    if arguments and arguments[0].endswith(".py"):
        sys.argv = arguments
        return _ended(lambda: runpy.run_path(arguments[0], run_name="__main__"))
    return "it is no run of a module or a file"


def _ended(call: Any) -> str:
    try:
        call()
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise
    return ""
