"""The night: when it may run, whose agents come first, what it may spend, whether it is overdue.

Belongs here: decisions about nights, pure, from moments and texts that are handed in. Does not belong here: Dagster and
its cron lines (``greenlang_pipelines``), which agents are stale (``greenlang.factory.line``), sending anything.
"""
