"""The Dagster code location: definitions, partitions, jobs, schedules. No arithmetic, no files, no
figures.
"""
