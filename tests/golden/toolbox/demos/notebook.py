# %% [markdown]
# # Toolbox
#
# Several tools of a plant in one agent.
#
# Each `# %%` starts a cell: open this file as a notebook in VS Code, PyCharm, Spyder or Jupyter
# (jupytext), or run it whole with `python demos/notebook.py`.

# %%
from decimal import Decimal

import gl_plant_toolbox as pack

example: dict[str, object] = {
    "fuel_type": "natural_gas",
    "consumption": 1000,
    "country": "US",
}

# %% [markdown]
# ## One calculation
#
# The agent has several tools; this is `burn_fuel`. The others: `burn_fuel_ar5`, `heat_pump`,
# `Double`.
#
# A refused input is a result, too: `result.errors` says why.

# %%
result = pack.AGENT.call("burn_fuel", example)
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
# `co2_kg` with half and with twice of `consumption`.

# %%
for times in ("0.5", "1", "2"):
    changed = Decimal(1000) * Decimal(times)
    varied = pack.AGENT.call("burn_fuel", {**example, "consumption": changed})
    if varied.data is not None:
        answer = varied.data.as_dict()["co2_kg"]
        print(f"consumption = {changed}: {answer}")
    for error in varied.errors:
        print(f"consumption = {changed} is refused: {error.message}")
