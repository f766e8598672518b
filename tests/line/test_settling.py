"""Between chunks a worker lets go of the agents that it has built."""

from __future__ import annotations

import gc
import subprocess
import sys

GROWN = """
import gc, weakref
from greenlang.factory.workers import settle

class Tree:
    pass

kept, seen = [], []
settle()
gc.freeze()
for chunk in range(5):
    tree = Tree()
    tree.itself = tree  # a cycle, as in syntax trees
    seen.append(weakref.ref(tree))
    kept[:] = [tree]  # a cache: what is in it at the end of a chunk it drops in the next
    del tree
    settle()
print(sum(ref() is not None for ref in seen), gc.isenabled())
"""


def test_what_a_cache_has_dropped_is_found_though_it_stood_at_the_end_of_a_chunk() -> None:
    """In a process of its own: the collector of this one is nobody's to freeze."""
    done = subprocess.run([sys.executable, "-c", GROWN], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["1", "False"]
    assert gc.isenabled()
