"""What to use instead of a deprecated build: ``id@1.3.0``, or a range of versions as ``id@>=1.3,<2``.

Belongs here: whether there is such a thing, and whether anybody should use it. Does not belong here: ranges
(`versions`), the step (`lifecycle`).
"""

from __future__ import annotations

import re

from sqlalchemy.engine import Connection

from greenlang.errors import GreenlangError, NotRegistered
from greenlang.registry.caller import Caller
from greenlang.registry.choice import latest
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.named import Named, entries_of
from greenlang.registry.policy import Check
from greenlang.registry.versions import satisfying

_RANGE = re.compile(r"(?P<agent>[^@#\s]+)@(?P<range>\s*[<>=!^~*].*)")
USABLE = ("experimental", "certified")


def resolve(connection: Connection, caller: Caller, ref: str) -> RegistryEntry:
    """The version that ``ref`` means today: the latest of a range. Raises NotRegistered, or GreenlangError for a text
    that is no name and no range."""
    match = _RANGE.fullmatch(ref.strip())
    agent, _, version = ref.strip().partition("@")
    if match is None:
        found = [e for e in entries_of(connection, caller, agent) if not version or e.version == version]
    else:
        found = satisfying(entries_of(connection, caller, match["agent"]), match["range"])
    usable = [entry for entry in found if entry.state in USABLE and not entry.yanked]
    chosen = latest(usable or found)
    if chosen is None:
        raise NotRegistered(f"{ref} is not registered")
    return chosen


def check(connection: Connection, caller: Caller, ref: str, build: Named) -> Check:
    """Whether ``ref`` can be the successor of a build."""
    wanted = "a version that is experimental or certified, is not yanked, and is another one"
    mend = "name one as id@1.3.0 or id@>=1.3,<2"
    try:
        entry = resolve(connection, caller, ref)
    except (GreenlangError, ValueError) as error:
        return Check("successor", wanted, str(error), False, mend)
    same = (entry.agent_id, entry.version) == (build.entry.agent_id, build.entry.version)
    found = f"{entry.agent_id}@{entry.version} ({'itself' if same else 'yanked' if entry.yanked else entry.state})"
    return Check("successor", wanted, found, entry.state in USABLE and not entry.yanked and not same, mend)
