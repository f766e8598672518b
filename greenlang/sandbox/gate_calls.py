"""What a file of a pack calls: getattr and its like, decorators, what makes classes, runpy.

Belongs here: calls, and names that may be called or decorate and be nothing else. Does not belong here: what is set by
a call (`greenlang.sandbox.gate_sets`), the lists (`greenlang.sandbox.gate_rules`).
"""

from __future__ import annotations

import ast
import string

from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox import gate_sets
from greenlang.sandbox.gate_look import Look, is_reach
from greenlang.sandbox.gate_names import words


def calls(look: Look) -> None:
    """Everything that is called, and every decorator."""
    for made in (*look.functions(), *look.nodes[ast.ClassDef]):
        _decorated(look, made)
    _types(look)
    for node in look.nodes[ast.Call]:
        assert isinstance(node, ast.Call)
        _called(look, node)
        for keyword in node.keywords:
            _keyword(look, keyword)


def is_only_called(look: Look, node: ast.expr) -> bool:
    """Whether this names what may be called or decorate, and here does neither."""
    if id(node) in look.consumed:
        return False
    found = look.known.what(node)
    if found is None or found[1] not in rules.NO_VALUES:
        return False
    return found[1] not in rules.IN_ANNOTATIONS or id(node) not in look.annotations


def _called(look: Look, node: ast.Call) -> None:
    function = node.func
    called = look.known.what(function)
    dotted = called[1] if called is not None else ""
    if dotted == "functools.wraps":  # with more than the function it copies any attribute to anything
        look.consumed.add(id(function))
        if node.keywords or len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
            look.refuse(node, "indirect", "wraps with more than a function")
    elif dotted in rules.OF_MODELS:
        look.consumed.add(id(function))
        if any(k.arg is None for k in node.keywords) or any(isinstance(a, ast.Starred) for a in node.args):
            look.refuse(node, "indirect", f"{dotted} with words that are put together")
    elif dotted == "pytest.MonkeyPatch":
        look.refuse(node, "patch", "a MonkeyPatch that nobody undoes")
    if isinstance(function, ast.Name):
        if function.id in rules.INDIRECT:
            _indirect(look, node, function)
    elif isinstance(function, ast.Attribute):
        _method(look, node, function)


def _indirect(look: Look, node: ast.Call, function: ast.Name) -> None:
    look.consumed.add(id(function))
    plain = len(node.args) > 1 and not node.keywords and look.doubted()
    nodes = look.nodes if look.place == "tests" else {}  # a name of another module may be patched
    said = words(node.args[1], nodes) if plain else None
    if said is None or any(is_reach(word) for word in said):
        look.refuse(node, "indirect", f"{function.id} of something else than a plain word")
    elif function.id == "setattr":
        gate_sets.changes(look, node, node.args[0], min(said))


def _method(look: Look, node: ast.Call, function: ast.Attribute) -> None:
    name = function.attr
    if name in rules.WRITES:
        look.consumed.add(id(function))
        look.refuse(node, "write", f".{name}(...)")
    elif (name == "format" and _plain_places(function.value)) or (
        name == "model_validate" and all(k.arg is not None for k in node.keywords)
    ):
        look.consumed.add(id(function))
    elif name == "getfixturevalue":
        look.refuse(node, "hook", ".getfixturevalue(...)")
    elif name in ("run_path", "run_module"):
        _ran(look, node, name)
    elif name in rules.PATCHES:
        look.consumed.add(id(function))
        gate_sets.patched(look, node, name)
    elif name == "__init__":
        base = function.value
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super" and not base.args:
            look.consumed.add(id(function))


def _ran(look: Look, node: ast.Call, how: str) -> None:
    """``runpy`` may run the package and the demos, which the gate has looked at, and nothing else."""
    first = node.args[:1]
    inside = {c.value for a in first for c in ast.walk(a) if isinstance(c, ast.Constant)}
    names = {look.known.constants.get(n.id) for a in first for n in ast.walk(a) if isinstance(n, ast.Name)}
    if "demos" not in inside if how == "run_path" else look.package not in inside | names:
        look.refuse(node, "escape import", f"{how} of something else than the pack's own")


def _keyword(look: Look, keyword: ast.keyword) -> None:
    """Pydantic may be asked to read attributes of what it is given, by the aliases of the fields."""
    if keyword.arg in rules.OF_FIELDS or (keyword.arg == "response_model" and look.place == "demos"):
        look.refuse(keyword.value, "indirect", f"{keyword.arg}, which has pydantic read attributes")


def _decorated(look: Look, made: ast.AST) -> None:
    """What decorates a function or class of the file itself; it may not be handed what another decorator gives."""
    innermost = True
    for decorator in reversed(made.decorator_list):  # type: ignore[attr-defined]
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        found = look.known.what(function)
        dotted = found[1] if found is not None else ""
        if dotted in rules.DECORATORS:
            plain = not isinstance(decorator, ast.Call) or (not decorator.args and _plainly(decorator))
            if innermost and plain:
                look.consumed.add(id(function))
        else:
            innermost = innermost and dotted in rules.GIVE_BACK
        if _is_test(look, made) and not dotted.startswith("pytest.mark."):
            look.refuse(decorator, "hook", "a test that something decorates")
    if isinstance(made, ast.ClassDef):
        _class(look, made)


def _plainly(decorator: ast.Call) -> bool:
    """Whether all that is said is plain: pytest calls a scope that is a function, with its configuration."""
    return all(
        k.arg is not None and (k.arg not in ("scope", "name") or isinstance(k.value, ast.Constant))
        for k in decorator.keywords
    )


def _is_test(look: Look, made: ast.AST) -> bool:
    name: str = made.name  # type: ignore[attr-defined]
    return look.place == "tests" and name.startswith(("test", "Test"))


def _class(look: Look, made: ast.ClassDef) -> None:
    for keyword in made.keywords:
        if keyword.arg not in rules.CLASS_WORDS:
            look.refuse(made, "indirect", f"a class with {keyword.arg or 'words that are put together'}")
    if any(isinstance(base, ast.Name) and base.id == "type" for base in made.bases):
        look.refuse(made, "indirect", "a class of classes")
    if _is_test(look, made) and (made.bases or made.keywords):
        look.refuse(made, "hook", "a class of tests that takes from another")


def _types(look: Look) -> None:
    """``type`` may be asked for the class of one thing, to compare or show it; it makes classes out of texts too."""
    shown: set[int] = set()
    for kind, fields in ((ast.Attribute, ("value",)), (ast.FormattedValue, ("value",))):
        shown |= {id(getattr(node, field)) for node in look.nodes[kind] for field in fields}
    for node in look.nodes[ast.Compare]:
        assert isinstance(node, ast.Compare)
        shown |= {id(part) for part in (node.left, *node.comparators)}
    for node in look.nodes[ast.Call]:
        assert isinstance(node, ast.Call)
        function = node.func
        if not isinstance(function, ast.Name):
            continue
        if function.id == "type" and len(node.args) == 1 and not node.keywords and id(node) in shown:
            look.consumed.add(id(function))
        elif function.id in ("isinstance", "issubclass") and len(node.args) > 1:
            look.consumed |= {id(n) for n in ast.walk(node.args[1]) if isinstance(n, ast.Name) and n.id == "type"}


def _plain_places(text: ast.expr) -> bool:
    """Whether a text is plain and its places are names or numbers: `format` reads attributes of what it is given."""
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return False
    try:
        parts = list(string.Formatter().parse(text.value))
    except ValueError:
        return True  # it raises, whoever asks
    return not any(set(field or "") & set(".[") or "{" in (spec or "") for _, field, spec, _ in parts)
