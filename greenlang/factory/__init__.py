"""The factory: plan -> rendered files -> pack, and the line that runs all stages.

Belongs here: rendering, packs, the stages and their outcomes. Does not belong here: finding plans
(``greenlang.resolution``), judging (``greenlang.quality``), Dagster.
"""
