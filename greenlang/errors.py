"""The exceptions of GreenLang: for bugs and for boundaries, never for a user's mistake in a spec.

Mistakes in a spec are values (`greenlang.specs.diagnostics.Diagnostic`), collected in one pass.

    GreenlangError
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
    ├── RegistryError (OSError)           the registry's database fails (greenlang.registry)
    ├── BucketError (OSError)             the bucket cannot be read or written
    ├── SandboxUnavailable (RuntimeError) this machine lacks the primitives and weakness was not asked for
    ├── FetchError (OSError)              a publisher's file that cannot be fetched, or is another
    ├── QueryError (ValueError)           SQL that DuckDB refuses
    └── SettingsError (ValueError)        a setting that cannot be used
"""

from __future__ import annotations


class GreenlangError(Exception):
    """Base of everything that GreenLang raises on purpose."""


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


class BucketError(GreenlangError, OSError):
    """The bucket cannot be read or written."""


class SandboxUnavailable(GreenlangError, RuntimeError):
    """The machine lacks what the strict profile needs, and the weak one was not asked for."""


class FetchError(GreenlangError, OSError):
    """A publisher's file that cannot be fetched, or is not the declared one."""


class QueryError(GreenlangError, ValueError):
    """SQL that the metrics catalogue refuses."""


class SettingsError(GreenlangError, ValueError):
    """A setting that cannot be used."""
