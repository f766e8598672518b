"""What is wrong with an installation, and what mends it.

Each check looks at one thing, changes nothing that lasts, and has ten seconds. Its results are values: ok, warning
(something works less well, or will fail later) or fault (something that the factory needs does not work now).

Belongs here: `result`, the checks (`machine`, `stores`, `work`, `orchestration`), running them (`examine`). Does not
belong here: mending.
"""
