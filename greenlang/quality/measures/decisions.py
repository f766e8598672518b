"""Conditions, loops and calls in a calculation that its plan has not.

Inputs can be tried by the hundred, and an agent that is wrong only where a number ends in 7 gives itself away by none
of them: it gives itself away by asking. A file that is what the factory renders asks what the plan asks.

Belongs here: that comparison. Does not belong here: numbers (`greenlang.quality.literals`), what may be called at all
(`greenlang.sandbox.gate`).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.measures.results import inapplicable, none
from greenlang.quality.measures.subject import Subject

NAME = "decisions"
_CALCULATE = ("/tools.py", "/agent.py", "/factors.py", "/models.py")
_DECIDES = {
    ast.If: "a condition",
    ast.IfExp: "a condition",
    ast.Compare: "a comparison",
    ast.BoolOp: "a condition",
    ast.While: "a loop",
    ast.For: "a loop",
    ast.comprehension: "a loop",
    ast.Try: "a handler",
    ast.Match: "a condition",
    ast.Lambda: "a function",
    ast.Dict: "a choice",
}


def measure(subject: Subject) -> MeasureResult:
    """What the calculating modules decide beyond the plan."""
    if subject.case.resolution.missing:
        return inapplicable(NAME, "not every output has a plan to compare with")
    found = [detail for path in sorted(subject.own) if path.endswith(_CALCULATE) for detail in _beyond(subject, path)]
    return none(NAME, found, "decisions beyond the plan")


def _beyond(subject: Subject, path: str) -> Iterator[Detail]:
    rendered = subject.rendered.get(path, b"")
    if subject.files.bytes(path) == rendered:
        return
    ours = {name: _asked(node) for name, node in _scopes(ast.parse(rendered))}
    for name, node in _scopes(subject.own[path]):
        left = Counter(what for _, what in ours.get(name, ()))
        for line, what in _asked(node):
            left[what] -= 1
            if left[what] < 0:
                yield Detail(f"{name or 'the module'} has {what} that the plan has not", path, line, NAME)


def _scopes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Each function by its name with its class, and what stands outside of functions under ""."""
    outside = ast.Module([], [])
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        head = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{head}{one.name}", one
            else:
                outside.body.append(one)
    yield "", outside


def _asked(scope: ast.AST) -> list[tuple[int, str]]:
    """What a scope decides and calls, with its line, in order."""
    found: list[tuple[int, str]] = []
    line = 0
    for node in ast.walk(scope):
        line = getattr(node, "lineno", line)
        if type(node) in _DECIDES:
            found.append((line, _DECIDES[type(node)]))
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "something")
            found.append((line, f"a call of {name}"))
    return found
