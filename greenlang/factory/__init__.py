"""The factory: plan -> rendered files -> pack, and the line that runs all stages.

Belongs here: rendering, packs, the stages and their outcomes. Does not belong here: finding plans
(``greenlang.resolution``), judging (``greenlang.quality``), Dagster.

    line                           batches: take in, build, register, record; ``outcome`` is what came of a spec
    intake, inbox, source          files that somebody dropped, and reading those that were accepted
    build                          the stages of one agent; ``describe`` tells of them
    generate                       a resolution as the files of a pack; it lays out ``views`` and ``manifest``
    views                          an agent's parts: ``fields``, ``functions``, ``cases``, ``citations``, ``parameters``
    render, constants              expressions as Python, conversion constants by name
    cases, limits, degrees         what the generated tests are driven by
    identifiers, naming, text      names in code and of packs, quoting and wrapping
    whole                          an agent of one tool or of several, looked at alike
    pack, attest, sbom, wheels, vendor
                                   writing, signing and packing what was generated
    export, export_oci             a pack as a repository, a wheel, an image, a zip
    regenerate, merging            generating again over a person's edits
    validators                     code, tests and a spec that somebody holds, judged on the twelve dimensions
    sdk, errand                    `AgentFactory` for Python programs; one call of it, in a process of its own
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlang.factory.sdk import AgentFactory, GenerationResult
    from greenlang.specs.model import AgentSpec

__all__ = ["AgentFactory", "AgentSpec", "GenerationResult"]


def __getattr__(name: str) -> Any:
    """The names of the Python SDK, imported when somebody asks for them."""
    if name in ("AgentFactory", "GenerationResult"):
        from greenlang.factory import sdk

        return getattr(sdk, name)
    if name == "AgentSpec":
        from greenlang.specs.model import AgentSpec

        return AgentSpec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
