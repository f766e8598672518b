"""Partitions, in a leaf module that imports nothing of ours.

Belongs here: partition definitions. Does not belong here: keys (``greenlang.specs.model`` makes them).
"""

from dagster import DynamicPartitionsDefinition

AGENTS = "agents"
# One partition per spec content: agent_id@version-<first 8 of the spec's digest>.
agents = DynamicPartitionsDefinition(name=AGENTS)
