"""The factory: plan -> rendered files -> pack, and the line that runs all stages.

Belongs here: rendering, packs, the stages and their outcomes. Does not belong here: finding plans
(``greenlang.resolution``), judging (``greenlang.quality``), Dagster.

    line                           batches: take in, build, register, record; ``outcome`` is what came of a spec
    intake, inbox, source          files that somebody dropped, and reading those that were accepted
    build                          the stages of one agent; ``describe`` tells of them
    generate                       a resolution as the files of a pack; it lays out ``views`` and ``manifest``
    views                          an agent's parts: ``fields``, ``functions``, ``cases``, ``citations``, ``parameters``
    render, constants              expressions as Python, conversion constants by name
    cases, limits, degrees         what the generated tests are driven by
    identifiers, naming, text      names in code and of packs, quoting and wrapping
    whole                          an agent of one tool or of several, looked at alike
    pack, attest, sbom, wheels, vendor
                                   writing, signing and packing what was generated
    export, export_oci             a pack as a repository, a wheel, an image, a zip
    regenerate, merging            generating again over a person's edits
    validators                     code, tests and a spec that somebody holds, judged on the twelve dimensions
"""
