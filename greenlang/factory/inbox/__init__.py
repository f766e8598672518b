"""The inbox's back office: what `greenlang.factory.intake` decides, writes down and carries out.

``results`` what came of a call, ``shelf`` where accepted specs and overlays stand, ``reading`` a file, ``checks`` what
the tables tell of it, ``desk`` the decisions, ``journal`` carrying them out, ``reports`` the wording. Does not belong
here: reading a spec (``greenlang.specs``), building it.
"""
