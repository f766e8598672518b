"""The page that lists every source with licence and counts, from a release.

Belongs here: the page. Does not belong here: counting (``greenlang.factors.stats``).
"""

from __future__ import annotations

from collections.abc import Sequence

from greenlang.factors.catalogue import Edition
from greenlang.factors.stats import Count, totals

_WHEN = {
    "open": "yes",
    "share-alike": "only when named (share-alike)",
    "no-redistribution": "only when named (no redistribution)",
    "on-request": "only when named (no formal open licence)",
}


def sources_page(counts: Sequence[Count], editions: Sequence[Edition]) -> str:
    """Markdown: every dataset with licence, address and counts, then every file with its digest."""
    total = totals(counts)
    read = {count.name: count for count in counts}
    lines = [
        "# Sources",
        "",
        "The publishers' datasets that GreenLang reads, counted from the tables that `greenlang factors sync` makes:",
        f"{total['factors']:,} factors over all vintages, {total['factors_latest']:,} in the latest, as distinct keys;"
        f" {total['source_values']:,} distinct source values.",
        f"{total['values_read']:,} values read = {total['values_read'] - total['values_refused']:,} kept +"
        f" {total['values_refused']:,} refused, each with its reason (`greenlang factors refused`).",
        "",
        *_by_itself(counts, editions),
        "| kind | distinct keys |",
        "|---|---:|",
        *(f"| {kind} | {number:,} |" for kind, number in total["kinds"].items()),
        "",
        "A `property` (heat content, density, oxidation factor) is no factor and is not counted as one. Catalogued,"
        " quality-checked and eligible by default are three numbers:",
        f"{total['catalogued']:,}, {total['checked']:,} and {total['eligible']:,}.",
        "",
        "## Datasets",
        "",
        "| dataset | vintage | latest | factors | by kind | values read | refused | eligible | licence"
        " | loads by itself |",
        "|---|---|---|---:|---|---:|---:|---:|---|---|",
    ]
    for edition in editions:
        count = read.get(edition.name)
        if count is None:
            continue
        kinds = ", ".join(f"{kind} {number:,}" for kind, number in count.kinds.items())
        latest = "yes" if edition.latest else ""
        lines.append(
            f"| [`{edition.publisher}/{edition.dataset}`]({edition.address}) | {edition.vintage} | {latest}"
            f" | {count.factors:,} | {kinds} | {count.seen or 0:,} | {count.refused or 0:,} | {count.eligible:,}"
            f" | {edition.licence} | {_WHEN[edition.redistribution]} |"
        )
    lines += ["", "## What was refused, and why", "", "| edition | reason | values |", "|---|---|---:|"]
    for count in counts:
        lines += [f"| {count.name} | {reason} | {number:,} |" for reason, number in (count.reasons or {}).items()]
    lines += ["", "## Documents and files", "", "| edition | document | file | SHA-256 |", "|---|---|---|---|"]
    for edition in editions:
        use = " (cross-check only)" if edition.cross_check else ""
        lines += [f"| {edition.name}{use} | {edition.document} | `{f.name}` | `{f.sha256}` |" for f in edition.files]
    return "\n".join(lines) + "\n"


def _by_itself(counts: Sequence[Count], editions: Sequence[Edition]) -> list[str]:
    """What a sync loads that names no set, where that is less than all."""
    named = {edition.name: edition for edition in editions if not edition.open}
    apart = [count for count in counts if count.name in named]
    if not apart:
        return []
    by_itself = totals([count for count in counts if count.name not in named])
    lines = [
        "These totals include the sets that load only when they are named. `greenlang factors sync` by itself loads"
        f" {by_itself['factors']:,} factors over all vintages, {by_itself['factors_latest']:,} in the latest.",
        "Further sets load by",
        "",
    ]
    for dataset in sorted({f"{count.publisher}/{count.dataset}" for count in apart}):
        own = totals([count for count in apart if f"{count.publisher}/{count.dataset}" == dataset])
        licence = next(edition.licence for edition in named.values() if edition.name.startswith(f"{dataset}/"))
        lines.append(f"- `--source {dataset}`: {own['factors']:,} factors ({licence})")
    return [*lines, ""]
