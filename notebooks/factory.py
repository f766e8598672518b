"""The factory's metrics, explored: ``marimo edit notebooks/factory.py``, or ``python notebooks/factory.py``.

A marimo notebook is plain Python: each function is a cell, its parameters are what it uses of other cells. It asks the
DuckDB catalogue of the folder that GREENLANG_VAR names, read-only, also while a batch writes.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="The factory's metrics")


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt
    import pandas as pd

    from greenlang.metrics import query
    from greenlang.settings import Settings

    settings = Settings()

    def ask(sql):
        """The answer of the catalogue as a table; docs/metrics.md names the views and their columns."""
        found = query(settings, sql)
        return pd.DataFrame(found.rows, columns=list(found.columns))

    return ask, mo, plt, settings


@app.cell
def _(mo, settings):
    mo.md(f"""
    # The factory's metrics

    From `{settings.catalogue.name}`. Change any query: what depends on it runs again.
    """)


@app.cell
def _(ask, mo):
    outcomes = ask("""
        select outcome, count(*) as specs, round(avg(score), 1) as score, round(avg(seconds), 2) as seconds
        from agents group by outcome order by specs desc
    """)
    mo.ui.table(outcomes, label="How every spec stands")
    return (outcomes,)


@app.cell
def _(ask, plt):
    nights = ask("""
        select cast(started_at as date) as day, sum(registered)::bigint as registered,
               sum(incomplete + refused + quarantined + infrastructure)::bigint as failed,
               sum(epoch(finished_at - started_at)) / 60 as minutes
        from runs group by day order by day
    """)
    _figure, (_left, _right) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    _days = nights["day"].astype(str)
    _left.bar(_days, nights["registered"], label="registered", color="#2b7a50")
    _left.bar(_days, nights["failed"], bottom=nights["registered"], label="failed", color="#c23b32", hatch="//")
    _left.set(title="Builds by day (UTC)", ylabel="specs")
    _left.legend()
    _right.plot(_days, nights["minutes"].fillna(0), marker="o", color="#2b7a50")
    _right.set(title="Wall clock of the runs", ylabel="minutes", ylim=(0, None))
    for _axis in (_left, _right):
        _axis.tick_params("x", rotation=60)
    _figure
    return (nights,)


@app.cell
def _(ask, plt):
    dimensions = ask("""
        select title, count(*) filter (status = 'passed') / count(*) * 100 as passed
        from qa_dimensions where status <> 'not_applicable' group by title order by passed, title
    """)
    _figure, _axis = plt.subplots(figsize=(8, 0.6 + 0.32 * len(dimensions)), layout="constrained")
    _axis.barh(dimensions["title"], dimensions["passed"], color="#2b7a50")
    _axis.set(title="Quality dimensions", xlabel="agents that passed, %", xlim=(0, 100))
    _figure
    return (dimensions,)


@app.cell
def _(ask, plt):
    stages = ask("""
        select entry.key as stage, sum(entry.value) as seconds
        from (select unnest(map_entries(stage_seconds)) as entry from agents) group by stage order by seconds
    """)
    _figure, _axis = plt.subplots(figsize=(8, 0.6 + 0.32 * len(stages)), layout="constrained")
    _axis.barh(stages["stage"], stages["seconds"], color="#2b7a50")
    _axis.set(title="Where the time goes", xlabel="seconds, all agents' last builds")
    _figure
    return (stages,)


@app.cell
def _(ask, mo):
    factors = ask("""
        select ref, count(distinct agent_id || '@' || version) as agents, max(citation) as citation
        from lineage where kind = 'factor' group by ref order by agents desc, ref limit 20
    """)
    mo.ui.table(factors, label="Factor rows with the most agents")
    return (factors,)


if __name__ == "__main__":
    app.run()
