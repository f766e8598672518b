"""The mirror: the factory's Parquet tables in PostgreSQL, under the names of document 000, section 6.

A mirror can be dropped and filled again at any time and is then the same: the truth stays in Parquet and the registry.
Belongs here: its tables, filling them, what each column means. Does not belong here: the Parquet tables, the registry.
"""

from __future__ import annotations

from greenlang.metrics.mirror.fill import Filled, fill
from greenlang.metrics.mirror.schema import current, downgrade, upgrade

__all__ = ["Filled", "current", "downgrade", "fill", "upgrade"]
