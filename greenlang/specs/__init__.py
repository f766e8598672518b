"""Specs: the AgentSpec model, one reader per dialect, and checks whose findings are values.

Belongs here: reading YAML with positions, dialects, diagnostics. Does not belong here: looking up factors or
finding plans (``greenlang.resolution``), writing files.

    reader                         the one entrance; it gives a ``model``, and ``diagnostics`` with their ``codes``
    nodes, source                  a text as YAML nodes; the nodes as values with their places
    dialects, dialect_*            which dialect a file is in; one reader for each
    base, parameters, cases        what the readers share
    form, ledger                   declared types against a file; what became of each key
    shapes, schema, schemas        the types of the dialects, and the JSON Schemas made of them
    unit_words, patterns, pattern_examples
                                   spellings of units; patterns of texts, and texts that fit them
    overlay, tables                what a reviewer adds; lists of rows as inputs
    fix, diff, convert             repairing, comparing and rewriting specs; ``yamltext`` and ``sarif`` write
    cycles                         agents that wait for each other
"""
