"""Pictures of a release: how values lie by publisher, and the largest changes against the release before.

Belongs here: drawing. Does not belong here: counting what is no picture, showing it (Dagster, the command line).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.factors.release import Release

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BASE = "unit IN ('kgCO2e/kWh', 'kgCO2e/kg', 'kgCO2e/t', 'tCO2e/t', 'kgCO2e/USD', 'gCO2e/kWh', 'kgCO2e/litre')"


def draw(release: Release, folder: Path) -> dict[str, Path]:
    """``value_distribution`` and, where there is a release before, ``largest_changes``, as SVG files in ``folder``.

    Drawing the same release again gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"value_distribution": _save(folder / "value_distribution.svg", _distribution(release))}
    changes = _changes(release)
    if changes:
        pictures["largest_changes"] = _save(folder / "largest_changes.svg", changes)
    return pictures


def _ask(sql: str, parquet: Path) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(sql, [str(parquet)]).fetchall()


def _distribution(release: Release) -> Any:
    """Box plots on a logarithmic axis, one a publisher and unit with ten positive values or more."""
    sql = f"""SELECT unit, publisher, list(value::DOUBLE ORDER BY value) FROM read_parquet(?)
              WHERE value > 0 AND {_BASE} AND status = 'valid' GROUP BY ALL HAVING count(*) >= 10 ORDER BY unit, publisher"""  # noqa: S608, E501
    rows = _ask(sql, release.parquet)

    def fill(axes: Axes) -> None:
        axes.boxplot([values for _, _, values in rows], orientation="horizontal", whis=(5, 95), sym=".", widths=0.6)
        labels = [f"{publisher}, {unit} ({len(values):,})" for unit, publisher, values in rows]
        axes.set_yticks(range(1, len(rows) + 1), labels)
        axes.set_xscale("log")
        axes.set_xlabel("value in its unit; box 25-75 %, whiskers 5-95 %")
        axes.set_title(f"Values by publisher and unit, {release.name}")

    return len(rows), fill


def _changes(release: Release) -> Any:
    """Bars of the largest relative changes, in percent."""
    sql = """SELECT key, relative::DOUBLE FROM read_parquet(?) WHERE what = 'changed' AND relative::DOUBLE <> 0
             ORDER BY abs(relative::DOUBLE) DESC, key LIMIT 25"""
    rows = _ask(sql, release.folder / "changelog.parquet")
    if not rows:
        return None

    def fill(axes: Axes) -> None:
        axes.barh([key for key, _ in rows], [100 * change for _, change in rows])
        axes.invert_yaxis()
        axes.axvline(0, linewidth=0.8, color="black")
        axes.set_xlabel("change in percent")
        axes.set_title(f"Largest changes, {release.before} to {release.name}")

    return len(rows), fill


def _save(target: Path, picture: Any) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    lines, fill = picture
    with mpl.rc_context({"svg.hashsalt": "greenlang", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, max(2.5, 0.32 * lines + 1.2)), layout="constrained")
        fill(figure.add_subplot())
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target
