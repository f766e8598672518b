"""The page docs/lifecycle.md: words, and the tables of steps and criteria from the declarations.

Belongs here: the page. Does not belong here: what it tells of (`ladder`, `policy`, `policies/*.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from greenlang.registry.evidence import WINDOWS
from greenlang.registry.ladder import LADDER, MEANING, STATES
from greenlang.registry.policy import Criteria, FastTrack, Policy
from greenlang.registry.policy_file import DEFAULT, parse, supplied

_HEAD = """# The life of agents

<!-- Generated from greenlang/registry (ladder, policy, policies/). Do not edit: `python -m tools.docs`. -->

The life is a **build's**: agent id, version and the digest of its pack. `heat/boiler@1.2.0` names the build of that
version that is in force, `heat/boiler@1.2.0#1a2b3c` (6 digits or more) one build, `heat/boiler` the latest version.

    greenlang agent promotion-status heat/boiler@1.2.0
    greenlang agent promote heat/boiler@1.2.0 --to experimental --reason "judged, see report"
    greenlang agent history heat/boiler@1.2.0

Each step is a statement signed with Ed25519 that holds who, when, why, the policy's digest, the whole evidence, and
the digest of the statement before. The state is a view over these. `greenlang registry verify heat/boiler@1.2.0`
checks signatures, chain, table and decisions; that judgement, pack and pins are those that the build was entered
with; that the audit log names no step that is not there, and saw every policy and approval that a step was decided
by. It says what was changed. Reported use is not signed: the audit log has each report (`agent.used`).

## States
"""

_STEPS = """
## Steps

A log that has another step than these does not verify. `registered` on a state is a build that came out of the
factory again, byte for byte.

"""

_RULES = """
- **Builds of a version**: certified comes before experimental, deprecated, draft, retired; then evidence, then the one
  that was made last. A nightly rebuild is a draft of its own: what was certified, or deprecated, stays in force until
  the rebuild is promoted.
- **Promotion** is decided by the policy in force, on evidence alone. A refusal says what lacks and what to do, and is
  in the audit log. What is yanked is not promoted, whatever the policy.
- **Approval** is for the next step, by name, with a comment. Each person's newest word counts, a rejection stops the
  step, and whoever asks for it never counts. Approvals are spent when the state changes.
- **Fast track**: for critical patches. What the policy lists may be left out if two or more others approved. The step
  is signed as `fast-track`, with their comments.
- **Rollback** undoes a build's last step, a deprecation included. What was in force before it is so again by itself:
  the build that was certified before, or the version before. Age and approvals begin anew; there is no way around the
  policy back up. Evidence at that moment is kept.
- **Deprecation** names a successor (`--successor heat/boiler@1.3.0`, or a range as `'heat/boiler@>=1.3,<2'`) that is
  there, experimental or certified, not yanked and another version, or says by `--no-successor` that there is none. The
  entry of the deprecated version shows it. Without a digest every build of the version is deprecated.
- **Retirement** is for drafts and deprecated ones, and is final. Without a digest it is for every build of the version,
  and refused while one of them is experimental or certified.

Only the tenant that a build belongs to changes its life. Names on the command line are those of the operating
system's users: on one person's machine they prove nothing about who typed.

## Evidence

Gathered by one function, kept whole in the statement: the judgement (score, coverage, tests, each dimension), the
newest security scan, use, age, open flags, approvals, who asks. `decide(policy, evidence, to)` looks at nothing
else: the same evidence gives the same decision at any later time (`Lifecycle.reevaluate`; `registry verify` does it
for every promotion).

"""

_USE = """
Use is what those who run a build report (`greenlang agent report-usage`, or the API): calls and errors are added to the
day, of users a digest is kept. It is known to the tenant that reported it: use of a public build by other tenants does
not count for its promotion.

The **security scan** says of each of its parts whether it was met, not met or not measured, when it was made, and of
which day the newest advisory was that the dependencies were audited by: `security_scan` passes where a part could not
be measured, `dependency_audit_days_at_most` does not. Without a file of advisories (`GREENLANG_ADVISORIES`) there is no
audit. A newer file has the factory judge its agents again: the same pack comes out, and its newer scan counts; one by
older advisories, or by none, takes nothing back. `greenlang registry scan heat/boiler` audits the pack of any own build
anew, one that was pushed too, by whatever file is named. Each scan is kept, and is in the audit log (`agent.scanned`).

## Policies

Data in `greenlang/registry/policies/`, or a file of your own (`greenlang policy check FILE` finds every mistake with
its place). A name stands for one policy for ever: what changes gets the next name. `greenlang policy use v2` puts one
in force for a tenant; without that the default is kept from the first decision on. No state changes by it: `greenlang
policy diff v1 v2` lists the builds whose state the signed evidence would not, or would only, have led to under the
other one, those that would be ready for the next step under one of them alone, and the criteria that decide.

Document 002 names the criteria "basic evaluation, security scan" (experimental) and "comprehensive evaluation, min
usage threshold, error rate < 1%" (certified). Age and users are named by the project's requirements. **All other
numbers are ours.**

The default is **{DEFAULT}**, the least strict policy under which "certified" says that known vulnerabilities were
looked up: v1 and v2 pass a scan whose dependency audit was not measured. Who has no file of advisories and means it
says `greenlang policy use v1`, which is in the log. What v1 or v2 decided stands, and is decided alike by the
signed evidence; a registry that promoted by v1 keeps it until somebody puts another in force.

"""

_DECAY = """
## Certification decays

A build pins the factor rows, formulas and parameter rows that it was certified with, each with its digest. When a
factor release comes into force (`factors release pin`, `factors sync`, the asset `factor_release`), every build of
the tenant that pins a row which is now another, or gone, gets a flag: the pin, both digests, the release. So do
builds whose figures rest on a GWP set that the policy in force calls superseded (`superseded_gwp_sets`). A newer
vintage beside the pinned one supersedes nothing. Retired builds get no flags. The flag ends, and is kept, when the
pinned row is in force again. A publisher's corrected file supersedes each of its rows, for each cites the file.
`greenlang registry decay` does the same at any time; doing it again changes nothing.

The state stays. Flags show in the entry (`superseded pins`), in `agent promotion-status` one by one, and in the
evidence, where a policy can ask for none. A build made under the new release has new pins and no flag: promote that
one.

## What was certified then

`greenlang registry as-of 2026-03-31 --tenant acme` is one SQL query over steps, yanks, flags and the tenant's allow
and deny lists as they stood at that moment: its own builds, and public ones of agents that it had no version of.
`--json` has the evidence of each promotion whole, with the signature's key.

## From Python

    from greenlang.registry import Registry
    from greenlang.registry.lifecycle import Lifecycle

    life = Lifecycle(Registry("sqlite:///var/registry.sqlite"))
    life.status("heat/boiler@1.2.0").lacking
    life.promote("heat/boiler@1.2.0", "experimental", "judged")
    life.as_of("default", moment)
"""


def page() -> str:
    """The text of docs/lifecycle.md."""
    return (
        "\n".join(
            [
                _HEAD,
                *_rows(("state", "meaning"), ((state, MEANING[state]) for state in STATES)),
                _STEPS.rstrip(),
                "",
                *_rows(("from", "to", "by"), _steps()),
                _RULES.rstrip(),
                "",
                *_rows(("criterion", "what it asks"), _criteria()),
                "",
                f"Use is counted over {', '.join(map(str, WINDOWS))} days, or since ever without `window_days`.",
                _USE.replace("{DEFAULT}", DEFAULT).rstrip(),
                "",
                *_policies(),
                _DECAY.rstrip(),
            ]
        )
        + "\n"
    )


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _steps() -> Iterator[tuple[str, str, str]]:
    for (before, after), kinds in LADDER.items():
        if before != after:
            yield before or "(entry)", after, ", ".join(kinds)
    yield "any", "the same", "registered"


def _criteria() -> Iterator[tuple[str, str]]:
    for name, field in Criteria.model_fields.items():
        yield f"`{name}`", field.description or ""


def _policies() -> Iterator[str]:
    policies = [parse(text) for text in supplied().values()]
    names = [f"{policy.name}{' (default)' if policy.name == DEFAULT else ''}" for policy in policies]
    for policy in policies:
        yield f"- **{policy.name}**: {policy.about}"
    for to in ("experimental", "certified"):
        yield from ("", f"To **{to}**:", "")
        yield from _rows(("criterion", *names), _compared(policies, to))
    yield from ("", "Fast track to **certified**:", "")
    tracks = [policy.fast_track.get("certified") for policy in policies]
    fields = [
        (f"`{name}`", *(_said(getattr(track, name) if track else None) for track in tracks))
        for name in FastTrack.model_fields
    ]
    yield from _rows(("", *names), fields)
    yield from ("", "Superseded GWP sets:", "")
    sets = [
        ", ".join(f"{old} by {new}" for old, new in policy.superseded_gwp_sets.items()) or "none" for policy in policies
    ]
    yield from _rows(names, [sets])


def _compared(policies: Sequence[Policy], to: str) -> Iterator[tuple[str, ...]]:
    for name in Criteria.model_fields:
        said = [_said(getattr(policy.promotions[to], name)) for policy in policies]  # type: ignore[index]
        if any(said):
            yield (f"`{name}`", *said)


def _said(value: object) -> str:
    if value is None or value is False or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "yes" if value is True else str(value)
