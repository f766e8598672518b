"""Dagster assets: thin bodies that call greenlang through the factory resource."""
