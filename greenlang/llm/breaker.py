"""A circuit breaker for one provider: after many failures it is left alone for a while, then tried by single calls.

Belongs here: the state and its three changes. Does not belong here: what counts as a failure. Its clock is handed in.

    closed      every call goes; at ``failure_threshold`` among the last ``calls`` (at least ``least_calls``) it opens
    open        no call for ``open_seconds``
    half open   one call at a time; each failure opens it again. A success closes it once ``recovery_seconds`` have
                passed since it opened; before that, calls go on one at a time
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

from greenlang.llm.config import Breaking

_LOST = 600.0  # seconds after which a call that reported nothing counts as never made
State = Literal["closed", "open", "half open"]


class Breaker:
    """One provider's breaker; safe between threads, one a process."""

    def __init__(self, rule: Breaking, clock: Callable[[], float]) -> None:
        self.rule = rule
        self.clock = clock
        self._last: deque[bool] = deque(maxlen=rule.calls)  # True: a failure
        self._opened: float | None = None  # when it opened last
        self._probe: float | None = None  # when the call began that is under way while half open
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """The state now."""
        with self._lock:
            return self._state()

    def _state(self) -> State:
        if self._opened is None:
            return "closed"
        return "open" if self._since(self._opened) < self.rule.open_seconds else "half open"

    def _since(self, moment: float) -> float:
        """Seconds since a moment. A clock that was put back tells nothing: then it counts as long ago."""
        passed = self.clock() - moment
        return passed if passed >= 0 else math.inf

    def admit(self) -> bool:
        """Whether a call may go. While half open, whoever is admitted must report `succeeded`, `failed` or `left`."""
        with self._lock:
            state = self._state()
            if state == "half open":
                if self._probe is not None and self._since(self._probe) < _LOST:
                    return False
                self._probe = self.clock()
            return state != "open"

    def succeeded(self) -> None:
        """A call went well."""
        with self._lock:
            self._probe = None
            if self._opened is None:
                self._last.append(False)
            elif self._since(self._opened) >= self.rule.recovery_seconds:
                self._opened = None
                self._last.clear()

    def failed(self) -> None:
        """A call failed by the provider's fault."""
        with self._lock:
            self._probe = None
            self._last.append(True)
            share = sum(self._last) / len(self._last)
            enough = len(self._last) >= min(self.rule.least_calls, self.rule.calls)
            if self._opened is not None or (enough and share >= self.rule.failure_threshold):
                self._opened = self.clock()

    def left(self) -> None:
        """An admitted call was not made, or told nothing about the provider's health."""
        with self._lock:
            self._probe = None
