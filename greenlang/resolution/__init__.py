"""Resolution: from a spec and the factor and formula tables to a calculation plan per output, with its evidence.

Belongs here: finding, proving and refusing plans. Does not belong here: reading YAML, rendering code.
"""
