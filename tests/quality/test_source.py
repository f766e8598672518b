"""Walking syntax trees: everything once, and never the leftovers of another tree."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path

from greenlang.quality import source

_TEXTS = (
    'def f(a, *b, c=1, **d):\n    """Words."""\n    return [x + 0.5 for x in a if x > -3]\n',
    "match x:\n    case {'a': [1, *rest]} if rest:\n        print(f'{x:.2f}')\n",
)


def test_a_tree_is_walked_as_the_standard_library_walks_it() -> None:
    files = sorted(Path(source.__file__).parent.glob("*.py"))[:6]
    for text in (*_TEXTS, *(file.read_text() for file in files)):
        tree = ast.parse(text)
        assert source.nodes(tree) == list(ast.walk(tree))
        assert source.nodes(tree) == list(ast.walk(tree)), "what was kept is the same"
        for node in ast.walk(tree):
            assert source.children(node) == list(ast.iter_child_nodes(node))


def test_what_is_kept_of_a_tree_goes_with_it() -> None:
    tree = ast.parse(_TEXTS[0])
    seen = weakref.ref(tree)
    source.nodes(tree)
    collecting = gc.isenabled()
    gc.disable()
    try:
        del tree
        assert seen() is None, "without the collector, which does not run while a worker judges"
    finally:
        if collecting:
            gc.enable()
