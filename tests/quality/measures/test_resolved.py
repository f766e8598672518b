"""What pack.yaml repeats of the plan is compared with what a reader of our YAML gets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml

from greenlang.factory import text
from greenlang.quality.measures.resolved import as_read


@pytest.mark.parametrize(
    "value",
    [
        {"value": Decimal("0.10"), "large": Decimal("1E+3"), "count": 3, "flag": True, "none": None, "share": 0.5},
        {"no": "yes", "1": "null", "text": '1e3: "ton", é\u2028\x85\t\n', "empty": ""},
        {"rows": [], "none": {}, "lists": [[], {}, [1, {"unit": "kg/h"}]], "pair": ("a", Decimal(2))},
    ],
)
def test_a_value_as_read_is_what_a_reader_of_its_yaml_gets(value: Any) -> None:
    assert as_read(value) == yaml.safe_load(text.yaml(value))
