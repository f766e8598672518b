"""Agents as the bytes of their JSON, made once for each build and state.

Belongs here: keeping these bytes. Does not belong here: which agents somebody may see. What is shown was named by a
brief that the caller's own registry gave a moment ago; what is kept under another brief is never reached.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from starlette.responses import Response

from greenlang.api.models import Agent
from greenlang.registry import Registry
from greenlang.registry.briefs import Brief, brief_of

MOST_BYTES = 48_000_000


class Shown:
    """The JSON of agents, the least used dropped first. Threads may share it."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[Brief, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def page(
        self, registry: Registry, briefs: Sequence[Brief], following: str | None, headers: Mapping[str, str]
    ) -> Response:
        """An `AgentPage` of these agents, as the caller of ``registry`` sees them."""
        items = b",".join(self._of(registry, briefs))
        body = b'{"items":[%s],"next":%s}' % (items, json.dumps(following).encode())
        return Response(body, headers=headers, media_type="application/json")

    def _of(self, registry: Registry, briefs: Sequence[Brief]) -> Iterable[bytes]:
        found: dict[tuple[str, str, str], bytes] = {}
        with self._lock:
            for brief in briefs:
                if brief in self._kept:
                    self._kept.move_to_end(brief)
                    found[brief.key] = self._kept[brief]
        missing = [brief.key for brief in briefs if brief.key not in found]
        for entry in registry.entries(missing):  # which may have changed since: it is kept as what it is now
            brief = brief_of(entry)
            found[brief.key] = Agent.of(entry).model_dump_json().encode()
            self._keep(brief, found[brief.key])
        return (found[brief.key] for brief in briefs if brief.key in found)

    def _keep(self, brief: Brief, made: bytes) -> None:
        with self._lock:
            self._bytes += len(made) - len(self._kept.pop(brief, b""))
            self._kept[brief] = made
            while self._bytes > self._most:
                self._bytes -= len(self._kept.popitem(last=False)[1])
