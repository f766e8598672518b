"""The formula language: text -> typed, unit-checked tree -> a value, or source text in another language.

Belongs here: parsing, checking, evaluating, printing, the formula library. Does not belong here: choosing factors,
files outside ``emission_factors/formulas``, language models, clocks, randomness.
"""
