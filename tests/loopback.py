"""No test reaches beyond this machine: whoever looks up a foreign host or connects to one fails, and loudly.

Belongs here: the hook that sees it. Does not belong here: servers of tests. With it CI fails on a live call of a
language model, also where a test asks for one on purpose: ``GREENLANG_LLM=replay`` of ``.ci/run`` is a setting, this is
none. It sees this process and its forks; for what a test starts by exec, CI's setting stands.
"""

from __future__ import annotations

import ipaddress
import sys
from functools import cache
from typing import Any

import pytest


def stay_here() -> None:
    """From now on. An audit hook cannot be taken out again."""
    if not hasattr(sys, "_greenlang_stays_here"):
        sys._greenlang_stays_here = True  # type: ignore[attr-defined]
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if not _is_here(name):
        pytest.fail(f"a test reaches beyond this machine: {name}")  # no Exception: no client of the network drops it


@cache
def _is_here(name: str) -> bool:
    if name in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
