"""Metrics: what the factory did, as Parquet rows that DuckDB reads while a batch writes.

Belongs here: the declared columns, writing parts, the views-only catalogue, read-only queries.
Does not belong here: deciding what is built (`greenlang.factory`), the registry, HTML.
"""

from __future__ import annotations

from greenlang.metrics.query import QueryResult, query
from greenlang.metrics.rows import RunInfo
from greenlang.metrics.store import MetricsStore

__all__ = ["MetricsStore", "QueryResult", "RunInfo", "query"]
