"""Dagster resources: connections, paths, stores. They import neither assets nor sensors."""
