"""Documents that a person writes for a command: YAML or JSON, with exact numbers and without YAML's old surprises.

In YAML, only true and false are truth values (NO is Norway), only plain digits are numbers, and numbers with a point
become decimals. Belongs here: reading. Does not belong here: what a document must hold.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

_WHOLE = r"[-+]?(0|[1-9][0-9]*)"
_NUMBER = r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?"


class DocumentUnreadable(Exception):
    """A file that is no such document."""


def read_document(path: Path) -> Any:
    """The content of a YAML or JSON file. Raises DocumentUnreadable."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return json.loads(text, parse_float=Decimal)
        return yaml.load(text, Loader=_loader())  # noqa: S506 - derives from SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise DocumentUnreadable(f"{path.name}: {error}") from error


def _loader() -> Any:
    """SafeLoader with few implicit types, and no key twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands twice", key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (
        ("bool", "true|false", "tf"),
        ("null", "~|null|", ["~", "n", ""]),
        ("int", _WHOLE, "-+0123456789"),
        ("float", _NUMBER, "-+0123456789"),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: Decimal(str(node.value)))
    Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(str(node.value)))
    return Loader
