"""The columns of the `factors` view, from the factors' own declaration (`emission_factors/fields.yaml`).

Belongs here: reading that declaration. Does not belong here: any column of its own.
"""

from __future__ import annotations

from functools import cache

from greenlang.factors.fields import DECIMAL_PRECISION, DECIMAL_SCALE, declared_fields
from greenlang.metrics.fields import Field

_TYPES = {
    "text": "VARCHAR",
    "decimal": f"DECIMAL({DECIMAL_PRECISION}, {DECIMAL_SCALE})",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
}


@cache
def factor_fields() -> dict[str, Field]:
    """Column name -> type and meaning, in the order of the declaration."""
    return {field.name: Field(_TYPES[field.type], field.description) for field in declared_fields()}
