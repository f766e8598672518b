# %% [markdown]
# # Heat-Pump
#
# COP of a heat pump, per Carnot.
#
# Each `# %%` starts a cell: open this file as a notebook in VS Code, PyCharm, Spyder or Jupyter
# (jupytext), or run it whole with `python demos/notebook.py`.

# %%
import gl_buildings_heat_pump_e58fff as pack

example: dict[str, object] = {
    "lambda": 7,
    "sink": 35,
    "units": 3,
    "cap": 5,
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
