"""GreenLang: the library behind the agent factory.

Belongs here: pure functions, types and errors for specs, factors, formulas, calculation, generation, quality and
the registry. Does not belong here: Dagster (see ``greenlang_pipelines``), figures and templates (see
``emission_factors`` and ``templates``). Importing this package reads no file, environment or network.
"""

__version__ = "0.1.0"
