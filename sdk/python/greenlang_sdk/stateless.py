"""The stateless pattern: an agent whose answer depends on nothing but its input, and may so be kept."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from dataclasses import replace

from greenlang_sdk.lifecycle import LOCK, AgentSpecV2Base, ExecutionContext, InT, OutT
from greenlang_sdk.results import AgentResult


class StatelessAgent(AgentSpecV2Base[InT, OutT]):
    """A pure function of its input: running twice is running once.

    With a ``cache_size`` the answers to the last so many inputs are kept, by `idempotency_key`; refusals are not.
    An answer from the cache skips execute and validate_output; the hooks of finalize are called all the same.
    """

    def __init__(self, *, cache_size: int = 0) -> None:
        super().__init__()
        self._size = cache_size
        self._kept: OrderedDict[str, AgentResult[OutT]] = OrderedDict()

    def perform(self, given: InT, context: ExecutionContext) -> AgentResult[OutT]:
        """The kept answer, or the stages after `validate_input`."""
        if self._size <= 0:
            return super().perform(given, context)
        key = self.idempotency_key(given)
        with LOCK:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                self.metrics.cached += 1
        if kept is None:
            result = super().perform(given, context)
            self._keep(key, result)
            return result
        self._fire("pre_finalize", context)
        context.result = result = replace(deepcopy(kept), seconds=context.seconds)
        self._fire("post_finalize", context)
        return result

    def clear(self) -> None:
        """Forget every kept answer."""
        with LOCK:
            self._kept.clear()

    def _keep(self, key: str, result: AgentResult[OutT]) -> None:
        copy = deepcopy(result)  # a caller may change the lists inside what it was given
        with LOCK:
            self._kept[key] = copy
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
