"""Steps, conditions, loops and calls in a calculation that its plan has not.

Inputs can be tried by the hundred, and an agent that is wrong only where a number ends in 7 gives itself away by none
of them: it gives itself away by asking, or by arithmetic that is zero for all others. A file that is what the factory
renders does what the plan does. What importing the package does not reach (logs, command line, a module of one's own)
calculates nothing and is free.

Belongs here: that comparison. Does not belong here: numbers (`greenlang.quality.literals`), what may be called at all
(`greenlang.sandbox.gate`).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import source
from greenlang.quality.measures.results import inapplicable, none
from greenlang.quality.measures.subject import Subject

NAME = "decisions"
_MEND = (
    "The spec decides what is calculated: put it there (a condition is part of a formula) and generate anew. "
    "Code of your own stands in modules that the package does not import, in demos and tests."
)
_DECIDES = {
    ast.If: "a condition",
    ast.IfExp: "a condition",
    ast.Compare: "a comparison",
    ast.BoolOp: "a condition",
    ast.While: "a loop",
    ast.For: "a loop",
    ast.AsyncFor: "a loop",
    ast.comprehension: "a loop",
    ast.Try: "a handler",
    ast.TryStar: "a handler",
    ast.Assert: "a condition",
    ast.Match: "a condition",
    ast.Lambda: "a function",
    ast.Dict: "a choice",
    ast.Subscript: "a choice",
    ast.Add: "an addition",
    ast.Sub: "a subtraction",
    ast.USub: "a minus",
    ast.Mult: "a multiplication",
    ast.Div: "a division",
    ast.FloorDiv: "a whole division",
    ast.Mod: "a remainder",
    ast.Pow: "a power",
}


def measure(subject: Subject) -> MeasureResult:
    """What the calculating modules decide beyond the plan."""
    if subject.case.resolution.missing:
        return inapplicable(NAME, "not every output has a plan to compare with")
    changed = [path for path in sorted(subject.own) if subject.files.bytes(path) != subject.rendered.get(path)]
    reached = source.reached(subject.own, subject.case.package) if changed else {}
    found = [detail for path in changed if path in reached for detail in _beyond(subject, path)]
    return none(NAME, found, "decisions beyond the plan")


def _beyond(subject: Subject, path: str) -> Iterator[Detail]:
    ours = {name: _asked(node) for name, node in _scopes(ast.parse(subject.rendered.get(path, b"")))}
    for name, node in _scopes(subject.own[path]):
        left = Counter(what for _, what in ours.get(name, ()))
        for line, what in _asked(node):
            left[what] -= 1
            if left[what] < 0:
                yield Detail(f"{name or 'the module'} has {what} that the plan has not", path, line, NAME, _MEND)


def _scopes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Each function by its name with its class, and what stands outside of functions under ""."""
    outside = ast.Module([], [])
    for node in tree.body:
        inner, head = [node], ""
        if isinstance(node, ast.ClassDef):
            inner, head = node.body, f"{node.name}."
            outside.body += map(ast.Expr, (*node.bases, *(k.value for k in node.keywords), *node.decorator_list))
        for one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{head}{one.name}", one
            else:
                outside.body.append(one)
    yield "", outside


def _asked(scope: ast.AST) -> list[tuple[int, str]]:
    """What a scope decides and calls, with its line, in order."""
    found: list[tuple[int, str]] = []
    queue: list[tuple[ast.AST, int]] = [(scope, 0)]
    for node, above in queue:  # grows while it is walked
        line = getattr(node, "lineno", above)
        types = {id(getattr(node, name, None)) for name in ("annotation", "returns")}  # which decide nothing
        queue += [(child, line) for child in source.children(node) if id(child) not in types]
        if type(node) in _DECIDES:
            found.append((line, _DECIDES[type(node)]))
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "something")
            found.append((line, f"a call of {name}"))
    return found
