"""The exceptions of GreenLang: for bugs and for boundaries, never for a user's mistake in a spec.

Mistakes in a spec are values (`greenlang.specs.diagnostics.Diagnostic`), collected in one pass.

    GreenlangError
    ├── SpecError (ValueError)            a spec with errors where a good one was asked for; carries all findings
    ├── UnitError (ValueError)            a unit that does not parse, or two that do not fit
    ├── FormulaError (ValueError)         text that is no expression; carries the offset
    ├── CalculationError (ArithmeticError)  division by zero, domain error, overflow, a look-up without a row
    ├── FactorNotFound (LookupError)      a reference that names no factor; carries the nearest ones
    ├── SelectionRefused (LookupError)    the rule gives no factor, or several (greenlang.factors.select)
    ├── FactorTableError (ValueError)     a factor table that breaks its declaration
    │   └── NameNotFound (LookupError)    a factor release, an edition or a source that there is not
    ├── TemplateError (ValueError)        a template that cannot be used as asked (greenlang.catalogue)
    │   └── TemplateNotFound (LookupError) a name of a template that there is not
    ├── CatalogueError (ValueError)       a file that is no catalogue of agents
    ├── PackError (ValueError)            a pack that cannot be exported, verified or merged as asked
    ├── ReportError (ValueError)          a text that is no quality report of the form that is read
    ├── RegistryConflict (ValueError)     same id and version, other bytes
    ├── NotRegistered (LookupError)       a name of an agent version or a build that the caller does not find
    ├── ReferenceInvalid (ValueError)     a text that names no agent version
    ├── VersionConflict (ValueError)      no versions of agents that need each other fit together
    ├── PolicyError (ValueError)          a promotion policy that cannot be used; carries every finding
    ├── LifecycleError (ValueError)       a request about the life of a build that cannot be meant
    ├── DiscoveryError (ValueError)       a heartbeat, or a question for running instances, that cannot be meant
    ├── KeyRefused (ValueError)           no API key, or one that is revoked or has expired
    ├── QuotaExceeded (ValueError)        a tenant asks for more than it may have
    ├── RegistryError (OSError)           the registry's database fails
    ├── BucketError (OSError)             the bucket cannot be read or written
    ├── MirrorError (OSError)             the mirror of the metrics cannot be read or filled (greenlang.metrics.mirror)
    ├── ExchangeError (OSError)           the store between machines fails, or two ends of it do not fit together
    ├── BackupError (OSError)             a backup that cannot be written or read, a place it cannot be restored to
    ├── BackupBroken (ValueError)         a backup that is not whole, or not as it was made; names the member
    ├── SandboxUnavailable (RuntimeError) this machine lacks the primitives and weakness was not asked for
    ├── AlertError (OSError)              a channel takes no alert (greenlang.alerts)
    │   └── AlertRefused                  it refuses this one, and may take others
    ├── FetchError (OSError)              a publisher's file that cannot be fetched, or is another
    ├── RemoteError (OSError)             a server that cannot be reached, or that fails (greenlang.client)
    │   └── RemoteRefused (ValueError)    a server that refuses a request; carries its problem document
    ├── QueryError (ValueError)           SQL that DuckDB refuses
    └── SettingsError (ValueError)        a setting that cannot be used
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlang.registry.caller import Caller
    from greenlang.registry.finding import Finding
    from greenlang.specs.diagnostics import Diagnostic


class GreenlangError(Exception):
    """Base of everything that GreenLang raises on purpose."""


class SpecError(GreenlangError, ValueError):
    """A spec with errors, where a good one was asked for. ``diagnostics`` holds every finding, with place and mend."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class UnitError(GreenlangError, ValueError):
    """A unit that does not parse, or two units that do not fit together."""


class FormulaError(GreenlangError, ValueError):
    """Text that is not an expression of the formula language.

    ``offset`` is the 0-based position in the text where the trouble starts, ``source`` the whole text.
    """

    def __init__(self, message: str, *, source: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.source = source
        self.offset = offset


class CalculationError(GreenlangError, ArithmeticError):
    """A calculation that has no answer: division by zero, domain error, overflow, or a look-up without a row.

    ``kind`` is division_by_zero, domain, overflow, missing (a value or a row that is not there), out_of_range, or
    empty where the kind is not told.
    """

    def __init__(self, message: str, *, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class FactorNotFound(GreenlangError, LookupError):
    """A reference that names no factor. ``nearest`` holds up to three (reference, reason) pairs."""

    def __init__(self, message: str, *, nearest: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.nearest = nearest


class FactorTableError(GreenlangError, ValueError):
    """A factor table that breaks its own declaration."""


class NameNotFound(FactorTableError, LookupError):
    """A name of a factor release, an edition or a source that there is not. The message says which there are."""


class TemplateError(GreenlangError, ValueError):
    """A template that cannot be used, or not as asked: a region that it refuses, a setting that it does not have."""


class TemplateNotFound(TemplateError, LookupError):
    """A name of a template that there is not. The message says which are near."""


class CatalogueError(GreenlangError, ValueError):
    """A file that is no catalogue of agents."""


class PackError(GreenlangError, ValueError):
    """A pack that cannot be exported, verified or merged as asked; the message says why and what to do."""


class ReportError(GreenlangError, ValueError):
    """A text that is no quality report of the form that is read (greenlang.quality.report)."""


class RegistryConflict(GreenlangError, ValueError):
    """The same agent id and version with other bytes than those registered."""


class NotRegistered(GreenlangError, LookupError):
    """A name of an agent version or a build that the caller does not find. The message says what there is."""


class ReferenceInvalid(GreenlangError, ValueError):
    """A text that names no agent version; the message says how one is named."""


class VersionConflict(GreenlangError, ValueError):
    """No versions of agents that need each other fit together; the message says who asks for what."""


class PolicyError(GreenlangError, ValueError):
    """A promotion policy that cannot be used. ``findings`` (greenlang.registry.finding) hold place and mend of each."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class LifecycleError(GreenlangError, ValueError):
    """A request about the life of a build that cannot be meant: no reason, a day to come, a row of somebody else."""


class DiscoveryError(GreenlangError, ValueError):
    """A heartbeat, or a question for running instances, that cannot be meant."""


class KeyRefused(GreenlangError, ValueError):
    """No API key, or one that is revoked or has expired.

    ``caller`` (greenlang.registry.caller.Caller) tells in whose log the refusal belongs; None if the key names nobody.
    """

    def __init__(self, message: str, *, caller: Caller | None = None) -> None:
        super().__init__(message)
        self.caller = caller


class QuotaExceeded(GreenlangError, ValueError):
    """A tenant asks for more than its quota; ``name`` is the quota's, ``most`` what it allows."""

    def __init__(self, message: str, *, name: str, most: int) -> None:
        super().__init__(message)
        self.name = name
        self.most = most


class RegistryError(GreenlangError, OSError):
    """The registry's database cannot be reached, read or written."""


class BucketError(GreenlangError, OSError):
    """The bucket cannot be read or written."""


class ExchangeError(GreenlangError, OSError):
    """The store between machines cannot be read or written, or what two machines hold does not fit together."""


class BackupError(GreenlangError, OSError):
    """A backup that cannot be written or read, or a place that it cannot be restored to; the message says the mend."""


class BackupBroken(GreenlangError, ValueError):
    """A backup that is not whole, or not as it was made. ``member`` is the name of the member where that shows."""

    def __init__(self, message: str, member: str = "") -> None:
        super().__init__(message)
        self.member = member


class MirrorError(GreenlangError, OSError):
    """The mirror's database cannot be reached, read or filled."""


class AlertError(GreenlangError, OSError):
    """A channel that takes no alert: the webhook or the mail server. The message tells no secret."""


class AlertRefused(AlertError):
    """A channel that answers, and refuses this alert; it may take others."""


class SandboxUnavailable(GreenlangError, RuntimeError):
    """The machine lacks what the strict profile needs, and the weak one was not asked for."""


class FetchError(GreenlangError, OSError):
    """A publisher's file that cannot be fetched, or is not the declared one."""


class RemoteError(GreenlangError, OSError):
    """A server that cannot be reached, or that fails."""


class RemoteRefused(RemoteError, ValueError):
    """A server that refuses a request. ``status`` is the HTTP status, ``problem`` its problem document (RFC 9457)."""

    def __init__(self, message: str, *, status: int, problem: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = dict(problem or {})


class QueryError(GreenlangError, ValueError):
    """SQL that the metrics catalogue refuses."""


class SettingsError(GreenlangError, ValueError):
    """A setting that cannot be used."""
