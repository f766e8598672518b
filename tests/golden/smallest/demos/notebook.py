# %% [markdown]
# # Smallest
#
# Smallest.
#
# Each `# %%` starts a cell: open this file as a notebook in VS Code, PyCharm, Spyder or Jupyter
# (jupytext), or run it whole with `python demos/notebook.py`.

# %%
from decimal import Decimal

import gl_x_smallest as pack

example: dict[str, object] = {
    "a": 1,
}

# %% [markdown]
# ## One calculation
#
# A refused input is a result, too: `result.errors` says why.

# %%
result = pack.AGENT.run(example)
if result.data is not None:
    for name, value in result.data.as_dict().items():
        print(f"{name} = {value}")
for error in result.errors:
    print(f"refused: {error.field}: {error.message}")

# %% [markdown]
# ## How it came about
#
# Every step of the calculation, unrounded, and the rows of the factor tables that it read.

# %%
for step in result.chain:
    print(f"{step.tool} = {step.result}")
for citation in result.citations:
    print(f"source: {citation.ref} ({citation.text})")
print(f"provenance {result.provenance}")

# %% [markdown]
# ## What if
#
# `b` with half and with twice of `a`.

# %%
for times in ("0.5", "1", "2"):
    changed = Decimal(1) * Decimal(times)
    varied = pack.AGENT.run({**example, "a": changed})
    if varied.data is not None:
        answer = varied.data.as_dict()["b"]
        print(f"a = {changed}: {answer}")
    for error in varied.errors:
        print(f"a = {changed} is refused: {error.message}")
