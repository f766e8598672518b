"""Reading the YAML declarations of this room: safe, fast where libyaml is there, duplicate keys refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from greenlang.errors import FactorTableError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """SafeLoader that refuses the same key twice: the second would win in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping; raises if a key repeats."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands twice", key.start_mark)
            seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return result


def read_yaml(path: Path) -> Any:
    """The document in ``path``. Raises FactorTableError that names the file and the place."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - derives from SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FactorTableError(f"{path.name}: {error}") from error
