"""A verification summary attestation (slsa.dev/verification_summary/v1) of a certified build, in a DSSE envelope.

It repeats one decision of the lifecycle: these files, that policy, passed at that moment. The level is one of our own:
nothing here measures the levels of SLSA's build track, so none of them is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from packageurl import PackageURL

from greenlang.factory.attest import STATEMENT, enveloped, subjects
from greenlang.provenance import bytes_digest
from greenlang.registry.emit.forms import NotEmitted
from greenlang.registry.entry import RegistryEntry, Transition
from greenlang.registry.packs import RegisteredPack
from greenlang.registry.store import Registry
from greenlang.signing import key_id, signing_key

PREDICATE = "https://slsa.dev/verification_summary/v1"
LEVEL = "GREENLANG_CERTIFIED"


def verification_summary(registry: Registry, entry: RegistryEntry, pack: RegisteredPack) -> bytes:
    """The bytes of the envelope, signed with the key that the registry signs steps with.

    The subjects are the pack's files with the certificate. Raises NotEmitted for a build that is not certified, or
    whose pack is not as it was certified.
    """
    step = certification(registry.transitions(entry.agent_id, entry.version), entry)
    if findings := pack.certificate.verify(pack.folder):
        raise NotEmitted(f"the pack of {entry.agent_id} {entry.version} is not as it was certified: {findings[0]}")
    key = signing_key(registry.signer.folder)
    policy, _, digest = step.policy.partition("@")
    predicate: dict[str, Any] = {
        "verifier": {"id": f"urn:greenlang:factory:{key_id(key.public_key())}"},
        "timeVerified": step.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "resourceUri": resource_uri(entry),
        "policy": {"uri": f"urn:greenlang:promotion-policy:{policy}", "digest": {"sha256": digest}},
        "inputAttestations": [
            {"uri": f"urn:greenlang:transition:{entry.pack_digest}", "digest": {"sha256": _digest(step)}}
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": [LEVEL],
    }
    statement = {"_type": STATEMENT, "subject": subjects(pack.folder), "predicateType": PREDICATE}
    return enveloped(statement | {"predicate": predicate}, key)


def resource_uri(entry: RegistryEntry) -> str:
    """The package URL of a version (purl type ``generic``)."""
    namespace, _, name = entry.agent_id.rpartition("/")
    return PackageURL("generic", namespace or None, name, entry.version).to_string()


def certification(life: Sequence[Transition], entry: RegistryEntry) -> Transition:
    """The step by which the build in force was certified, under a policy. Raises NotEmitted if there is none."""
    if entry.state != "certified":
        raise NotEmitted(
            f"{entry.agent_id} {entry.version} is {entry.state}: a verification summary stands for a certification"
        )
    for step in reversed(life):
        taken = step.after == "certified" and step.before != "certified"
        if step.pack_digest == entry.pack_digest and taken and step.policy:
            return step
    raise NotEmitted(f"{entry.agent_id} {entry.version} was certified without a policy: there is nothing to summarise")


def _digest(step: Transition) -> str:
    return bytes_digest(step.statement.encode())
