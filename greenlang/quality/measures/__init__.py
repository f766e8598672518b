"""The measures, one module a dimension, each with `measure(subject)`: a result for every declared measure, in order.

Belongs here: measuring from what was run and what lies in the pack. Does not belong here: declarations
(`greenlang.quality.dimensions`), scores (`greenlang.quality.judge`).
"""
