"""Dagster sensors: list, decide, request. They target jobs and keys, never asset modules."""
