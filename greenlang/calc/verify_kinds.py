"""Sealed files by kind: what each declares as its ``format``, and verifying whichever it is.

Belongs here: reading a sealed file of any kind, sending it to its own verification. Does not belong here: the
verifications, finding releases and files on disk (``greenlang.cli``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greenlang_sdk.canonical import canonical
from greenlang_sdk.errors import CanonicalError

from greenlang.calc.certificate import CertificateUnreadable, no_number, once


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sealed file: how its ``format`` begins, and which command writes it."""

    name: str
    start: str
    command: str


RESULT = Kind("result", "greenlang-result-certificate/", "greenlang calc once")
BATCH = Kind("batch", "greenlang-batch-certificate/", "greenlang calc run")
SCOPE2 = Kind("scope 2", "greenlang-scope-2/", "greenlang calc scope2")
SPENDS = Kind("spends", "greenlang-spends/", "greenlang calc spend")
SPEND = Kind("spend", "greenlang-spend/", "greenlang.calc.spend")
KINDS = (RESULT, BATCH, SCOPE2, SPENDS, SPEND)


def read_sealed(data: bytes) -> tuple[Kind, dict[str, Any]]:
    """The kind of a file, and its content. Raises CertificateUnreadable, which lists the kinds, for any other."""
    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
        canonical(content)
    except (ValueError, RecursionError, CanonicalError) as error:
        raise CertificateUnreadable(f"this is no JSON that a certificate can be: {error}") from None
    stated = content.get("format") if isinstance(content, Mapping) else None
    for kind in KINDS:
        if isinstance(stated, str) and stated.startswith(kind.start):
            return kind, dict(content)
    told = f"its `format` is `{stated[:60]}`" if isinstance(stated, str) else "it declares no `format`"
    known = ", ".join(f"{kind.start}1 ({kind.command})" for kind in KINDS)
    raise CertificateUnreadable(f"this is nothing that can be verified: {told}; known are {known}")
