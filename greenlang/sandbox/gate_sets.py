"""What a file of a pack may set: attributes of itself while it begins, names of the pack's own modules, little else.

Belongs here: who may change what. It goes by what may be set, not by what may not: a class or object of a library can
be had in too many ways (`type(x)`, a parameter, an element of a list) for a list of those. Does not belong here: the
lists themselves (`greenlang.sandbox.gate_rules`).
"""

from __future__ import annotations

import ast

from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox.gate_look import Look
from greenlang.sandbox.gate_names import Known, is_rebound


def attributes(look: Look) -> None:
    """Every attribute that is set or deleted by a statement."""
    for node in look.nodes[ast.Attribute]:
        assert isinstance(node, ast.Attribute)
        if isinstance(node.ctx, ast.Load):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == "self" and id(node) in look.beginnings:
            continue
        if look.place == "logs" and isinstance(node.value, ast.Name) and node.attr in rules.OF_LOGGERS:
            continue
        changes(look, node, node.value, node.attr)


def changes(look: Look, node: ast.AST, target: ast.expr, name: str | None, *, undone: bool = False) -> None:
    """Whether ``name`` of ``target`` may be set, by whatever means. ``undone``: pytest sets it back after the test."""
    if name is None or name.startswith("__"):
        look.refuse(node, "patch", f"patches {name or 'by a name that is put together'}")
        return
    found = look.known.what(target)
    if found is not None and found[0] == "module":
        look.consumed.add(id(target))
    if found is None:
        of_class = isinstance(target, ast.Call) and isinstance(target.func, ast.Name) and target.func.id == "type"
        look.refuse(node, "patch" if of_class else "set", f"sets .{name}")
    elif not (undone and name in rules.MAY_PATCH.get(found[1], ())) and not _is_own_module(look, target, found):
        look.refuse(node, "set" if look.known.is_own(found[1]) else "patch", f"patches {found[1]}.{name}")


def _is_own_module(look: Look, target: ast.expr, found: Known) -> bool:
    """Whether it is a module of the package, by a name that the file gives to nothing else."""
    while isinstance(target, ast.Attribute):
        target = target.value
    assert isinstance(target, ast.Name)
    return look.known.is_own_module(found) and not is_rebound(target.id, look.nodes)


def parts(look: Look) -> None:
    """``x[k] = v`` of what was imported from others."""
    for node in look.nodes[ast.Subscript]:
        assert isinstance(node, ast.Subscript)
        if isinstance(node.ctx, ast.Load):
            continue
        target = look.known.what(node.value)
        if target is not None and not look.known.is_own(target[1]):
            look.refuse(node, "patch", f"sets a part of {target[1]}")


def patched(look: Look, node: ast.Call, how: str) -> None:
    """A call of one of `pytest.MonkeyPatch`'s methods, whoever it is called on."""
    if look.place != "tests":
        if how in rules.HANDED:
            look.refuse(node, "patch", f".{how}(...) outside of the tests")
    elif how in ("setenv", "delenv"):
        name = text_at(node, 0)
        if name is None or name.upper().startswith(rules.GUARDED_VARIABLES):
            look.refuse(node, "patch", f".{how} of {name or 'no plain word'}")
    elif how not in ("setattr", "delattr", "setitem", "delitem") or not node.args:
        look.refuse(node, "patch", f".{how}(...)")
    elif how.endswith("attr"):
        path = text_at(node, 0)
        if path is None:
            changes(look, node, node.args[0], text_at(node, 1), undone=True)
            return
        owner, _, last = path.rpartition(".")
        if not look.known.is_own_module(("module", owner)) or last.startswith("__"):
            look.refuse(node, "patch", f"patches {path}")
    else:
        target = look.known.what(node.args[0])
        if target is None or not look.known.is_own(target[1]):
            look.refuse(node, "patch", f".{how} of what is not the pack's own")


def text_at(node: ast.Call, place: int) -> str | None:
    """The argument at a place, where it is a plain text."""
    if len(node.args) <= place:
        return None
    value = node.args[place]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
