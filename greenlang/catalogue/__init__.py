"""Templates of specs, and the agent catalogue whose rows become specs through them.

Belongs here: the form of a template, what a region or a sector changes in it, its proof, which template serves which
row of a catalogue, the files of a build. Does not belong here: figures and texts (``templates/specs``), reading and
resolving a spec (``greenlang.specs``, ``greenlang.resolution``), building agents (``greenlang.factory``).
"""
