"""Put the factor tables and templates into a built wheel as ``greenlang/_data``.

An editable install must not get a copy: it would go stale beside the checkout's own folders.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataHook(BuildHookInterface[Any]):
    """Adds the data folders to a standard wheel and to nothing else."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard" and self.target_name == "wheel":
            for folder in ("emission_factors", "templates"):
                build_data["force_include"][folder] = f"greenlang/_data/{folder}"
