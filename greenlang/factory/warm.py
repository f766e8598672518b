"""What every worker needs and no spec changes: units, the formulas' index, compiled templates, the tools' modules.

Importing this module does that work, for that is all that `multiprocessing`'s fork server can be asked to do before it
forks (``greenlang.factory.workers``). Nobody else imports it.

Two libraries start threads when they are imported: numpy those of OpenBLAS, pyarrow one of jemalloc. Both prepare them
for a fork (``pthread_atfork``); no other thread may run in the fork server.

Belongs here: what is the same for every batch and settings, is kept by its own module, and takes time at its first use.
Does not belong here: tables, sandboxes, anything with a thread of ours, a connection or an open file.
"""

from __future__ import annotations

import mypy.api  # noqa: F401 - imported at the first check of a chunk
import pyarrow.compute
import pyarrow.parquet  # noqa: F401

from greenlang import units
from greenlang.factory import generate
from greenlang.formulas.library import library
from greenlang.quality.report import page

units.registry()
library()
for _environment in (generate.templates(), page.templates()):
    for _name in _environment.list_templates(extensions=["jinja"]):
        _environment.get_template(_name)
