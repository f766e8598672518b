"""Bytes -> Template and findings, all of them in one pass.

Belongs here: the form of the file and its words. Does not belong here: whether the spec in it is proved (``proof``).
"""

from __future__ import annotations

import hashlib
import re
from difflib import get_close_matches
from pathlib import Path as FilePath

from pydantic import BaseModel, ValidationError

from greenlang.catalogue.schema import OTHERS, Body, Change, Choice, TemplateFile
from greenlang.catalogue.template import Template
from greenlang.catalogue.vocabulary import shared_sets, vocabulary
from greenlang.specs.diagnostics import Diagnostic, has_errors
from greenlang.specs.source import Document, Path, dotted, parse

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
MAX_NAME = 60
_SENTENCE = re.compile(r"\S+( \S+){4,}\Z")
_SECOND = re.compile(r"[.!?] +[A-Z]")
_NO_REGION = Change()


def read(data: bytes, path: FilePath) -> tuple[Template | None, tuple[Diagnostic, ...]]:
    """Read one template file. The template is None if its form is wrong; words that are wrong are findings beside it.

    ``path`` names the file; the name of the template must be that of the file, its domain that of the folder, where
    that is one of the catalogue's.
    """
    document = parse(data)
    reader = _Reader(document, path)
    reader.findings.extend(document.diagnostics)
    declared = reader.declared() if isinstance(document.value, dict) else None
    if declared is None:
        return None, reader.sorted()
    regions = reader.regions(declared)
    reader.words(declared)
    digest = hashlib.sha256(data).hexdigest()
    template = Template(declared, regions, document, path.name, data.decode("utf-8-sig"), digest)
    return template, reader.sorted()


class _Reader:
    def __init__(self, document: Document, path: FilePath) -> None:
        self.document = document
        self.path = path
        self.findings: list[Diagnostic] = []

    def add(self, code: str, message: str, hint: str, path: Path) -> None:
        self.findings.append(Diagnostic(code, "error", message, hint, *self.document.place(path), dotted(path)))

    def sorted(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(set(self.findings), key=lambda d: (d.line, d.column, d.code, d.message)))

    # --- form -----------------------------------------------------------------------------------------------------

    def declared(self) -> TemplateFile | None:
        try:
            return TemplateFile.model_validate(self.document.value)
        except ValidationError as error:
            self.form(error, ())
            return None

    def form(self, error: ValidationError, start: Path) -> None:
        for problem in error.errors(include_url=False):
            path = (*start, *problem["loc"])
            key = dotted(path)
            if problem["type"] == "extra_forbidden":
                known = _known(path)
                near = get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
                self.add("GLT001", f"unknown key `{path[-1]}`", hint, path)
            elif problem["type"] == "missing":
                self.add("GLT001", f"`{key}` is missing", "add it", path)
            else:
                message = problem["msg"].removeprefix("Value error, ")
                self.add("GLT001", f"`{key}`: {message[0].lower()}{message[1:]}", "see docs/templates.md", path)

    # --- words ----------------------------------------------------------------------------------------------------

    def words(self, declared: TemplateFile) -> None:
        self.names(declared)
        known = vocabulary()
        domain = known.domains.get(declared.domain)
        if domain is None:
            self.unknown("domain", declared.domain, list(known.domains), ("domain",))
        else:
            for i, name in enumerate(declared.subdomains):
                if name not in domain.subdomains:
                    self.unknown("subdomain", name, list(domain.subdomains), ("subdomains", i))
            for name in declared.sectors:
                if name not in {*domain.sectors, OTHERS}:
                    self.unknown("sector", name, list(domain.sectors), ("sectors", name))
            folders = {d.folder for d in known.domains.values()}
            if self.path.parent.name in folders - {domain.folder}:
                self.add("GLT002", f"a template of {domain.name} lies in `{domain.folder}/`", "move it", ("domain",))
        for name, sentence in declared.serves.items():
            if name not in known.categories:
                self.unknown("category", name, list(known.categories), ("serves", name))
            self.sentence(sentence, ("serves", name))
        self.sentence(declared.for_whom, ("for_whom",))
        self.refusals(declared.sectors, "sectors")

    def names(self, declared: TemplateFile) -> None:
        if not NAME.match(declared.name) or len(declared.name) > MAX_NAME:
            hint = f"lower-case words joined by -, at most {MAX_NAME} characters"
            self.add("GLT002", f"`{declared.name}` is no name of a template", hint, ("name",))
        elif declared.name != self.path.name.partition(".")[0]:
            message = f"the file `{self.path.name}` holds the template `{declared.name}`"
            self.add("GLT002", message, f"call it {declared.name}.yaml", ("name",))

    def unknown(self, what: str, name: str, known: list[str], path: Path) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
        self.add("GLT003", f"the catalogue has no {what} `{name}`", hint, path)

    def sentence(self, text: str, path: Path) -> None:
        if not _SENTENCE.match(text) or not text.endswith(".") or _SECOND.search(text):
            message = f"`{dotted(path)}` is not one sentence"
            self.add("GLT004", message, "one sentence of five words or more, with a full stop at its end", path)

    # --- regions --------------------------------------------------------------------------------------------------

    def regions(self, declared: TemplateFile) -> dict[str, Change]:
        """The changes by region, those of a shared set included."""
        given = dict(declared.regions)
        found: dict[str, Change] = {}
        name = given.pop("use", None)
        if name is not None:
            shared = shared_sets().get(name) if isinstance(name, str) else None
            if shared is None:
                sets = ", ".join(shared_sets())
                self.add(
                    "GLT001", f"there is no shared set of regions `{name}`", f"`any`, or one of {sets}", ("regions",)
                )
            else:
                found.update(shared.regions)
        own: dict[str, Change] = {}
        for region, content in given.items():
            if region not in {*vocabulary().regions, OTHERS}:
                self.unknown("region", region, list(vocabulary().regions), ("regions", region))
                continue
            try:
                own[region] = Change.model_validate({} if content is None else content)
            except ValidationError as error:
                self.form(error, ("regions", region))
                continue
            found[region] = _over(found.get(region, _NO_REGION), own[region])
        self.refusals(own, "regions")
        if not has_errors(self.findings) and not any(not c.refuse for c in found.values()):
            self.add("GLT011", "no region is served", "serve one, or remove the template", ("regions",))
        return found

    def refusals(self, changes: dict[str, Change], section: str) -> None:
        for name, change in changes.items():
            if change.refuse:
                self.sentence(change.refuse, (section, name, "refuse"))
                if change != Change(refuse=change.refuse):
                    self.add("GLT006", "`refuse` stands alone", "remove the other keys", (section, name))


def _over(base: Change, new: Change) -> Change:
    """A template's own change over that of the shared set."""
    if new.refuse:
        return new
    kept = {alias: choice for alias, choice in base.choose.items() if alias not in new.factors}
    return Change(
        factors={**base.factors, **new.factors},
        choose={**kept, **new.choose},
        gwp_set=new.gwp_set or base.gwp_set,
        inputs={**base.inputs, **new.inputs},
        note=new.note or base.note,
        source=new.source or base.source,
    )


def _known(path: Path) -> list[str]:
    """The keys that may stand beside the last one of a path."""
    model: type[BaseModel] = TemplateFile
    if path[0] == "spec":
        model = Body
    elif path[0] in {"regions", "sectors"}:
        model = Choice if "choose" in path[:-1] else Change
    return sorted(model.model_fields)
