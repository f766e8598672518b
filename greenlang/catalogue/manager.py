"""``TemplateManager``: the templates, by name, domain and category; specs from them; which suit a spec.

Belongs here: the public face of this room for one spec at a time. Does not belong here: whole catalogues (``build``).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any

from greenlang.catalogue import vocabulary as words_of
from greenlang.catalogue.filling import fill
from greenlang.catalogue.naming import head, spec_text
from greenlang.catalogue.parameters import InputChanges, Parameter, of_mapping
from greenlang.catalogue.reading import read
from greenlang.catalogue.template import Template
from greenlang.errors import TemplateError, TemplateNotFound
from greenlang.factors.table import FactorTable
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read as read_spec

SUGGESTED = 3
NEAREST = 5
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class DomainMatch:
    """The domain that a spec is about. ``confidence`` is that domain's share of all likeness, 0 to 1."""

    domain: str
    confidence: float
    suggested_templates: tuple[str, ...]


class TemplateManager:
    """The templates below a folder: ``<domain>/<name>.yaml``; without one, those that come with GreenLang."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or words_of.folder()
        self._templates: dict[str, Template] | None = None

    def files(self) -> list[Path]:
        """The template files, by domain and name."""
        domains = words_of.vocabulary().domains.values()
        return [path for domain in domains for path in sorted((self.folder / domain.folder).glob("*.yaml"))]

    @property
    def templates(self) -> dict[str, Template]:
        """Every template by name. Raises TemplateError for a file that is none, or a name that stands twice."""
        if self._templates is None:
            found: dict[str, Template] = {}
            for path in self.files():
                template, findings = read(path.read_bytes(), path)
                if template is None or findings:
                    raise TemplateError(findings[0].text(str(path)))
                if template.name in found:
                    raise TemplateError(f"{path}: the template `{template.name}` stands twice")
                found[template.name] = template
            self._templates = found
        return self._templates

    def list_templates(
        self, *, text: str = "", domain: str = "", subdomain: str = "", category: str = ""
    ) -> list[Template]:
        """The templates of a domain, a subdomain and a category of the catalogue; all without these.

        ``text`` are starts of words that all stand in the name, title, summary, tags, subdomains or for whom it is.
        Case does not matter. Raises TemplateError for a domain, subdomain or category that the catalogue does not have.
        """
        known = words_of.vocabulary()
        domain = domain and words_of.word("domain", domain, known.domains)
        places = [s for d in known.domains.values() for s in d.subdomains]
        subdomain = subdomain and words_of.word("subdomain", subdomain, places)
        category = category and words_of.word("category", category, known.categories)
        wanted = [re.compile(rf"\b{re.escape(w)}", re.IGNORECASE) for w in text.split()]
        return [
            t
            for t in self.templates.values()
            if domain in {"", t.domain}
            and (not subdomain or subdomain in t.declared.subdomains)
            and (not category or category in t.declared.serves)
            and all(w.search(_searched(t)) for w in wanted)
        ]

    def get_template(self, name: str) -> Template:
        """The template of that name; ``_`` and ``-`` are the same. Raises TemplateNotFound with the nearest names."""
        wanted = name.replace("_", "-").lower()
        if wanted not in self.templates:
            near = ", ".join(self._near(wanted))
            hint = f"nearest: {near}" if near else "`greenlang template list WORD` finds those that hold a word"
            raise TemplateNotFound(f"there is no template `{name}`; {hint}")
        return self.templates[wanted]

    def _near(self, wanted: str) -> list[str]:
        """Names that hold most of the words asked for, or words spelled like them; the most alike come first."""
        parts = wanted.split("-")
        held = {n: sum(bool(get_close_matches(p, n.split("-"), 1, 0.82)) for p in parts) for n in self.templates}
        most = max(held.values(), default=0)
        near = [n for n, count in held.items() if count == most > 0]
        return sorted(near, key=lambda n: (-SequenceMatcher(None, n, wanted).ratio(), n))[:NEAREST]

    def get_categories(self) -> dict[str, int]:
        """The categories of the catalogue, each with how many templates serve it."""
        counts = Counter(c for t in self.templates.values() for c in t.declared.serves)
        return {category: counts[category] for category in words_of.vocabulary().categories}

    def match_domain(self, spec: AgentSpec) -> DomainMatch:
        """The domain whose templates are most like a spec, by the words of names, units and descriptions.

        Raises TemplateError if there are no templates.
        """
        if not self.templates:
            raise TemplateError(f"no templates in {self.folder}")
        texts = {name: _words_of_template(t) for name, t in self.templates.items()}
        weight = _weights(texts.values())
        wanted = _words_of_spec(spec)
        likeness = {name: _cosine(wanted, text, weight) for name, text in texts.items()}
        domains: dict[str, float] = {}
        for name, value in likeness.items():
            domain = self.templates[name].domain
            domains[domain] = max(domains.get(domain, 0.0), value)
        best = min(domains, key=lambda d: (-domains[d], d))
        total = math.fsum(domains.values())
        own = [n for n, t in self.templates.items() if t.domain == best]
        ranked = sorted(own, key=lambda n: (-likeness[n], n))[:SUGGESTED]
        return DomainMatch(best, domains[best] / total if total else 0.0, tuple(ranked))


def filled_text(
    template: Template,
    *,
    name: str = "",
    region: str = "",
    sector: str = "",
    inputs: InputChanges | None = None,
    table: FactorTable | None = None,
) -> str:
    """The YAML of one spec from a template. Raises TemplateError if it cannot be had so."""
    region, sector = _known(template, region, sector)
    reason = (region and template.region(region).refuse) or (sector and template.sector(sector).refuse)
    if reason:
        raise TemplateError(f"{template.name} does not serve {' and '.join(filter(None, (region, sector)))}: {reason}")
    table = table if table is not None else FactorTable.load()
    filled, problems = fill(template, table, region=region, sector=sector, inputs=inputs)
    if problems:
        raise TemplateError(f"{template.name}: {problems[0].message}")
    if inputs and not filled.body["tests"]["golden"]:
        raise TemplateError(
            f"{template.name}: no golden case lies in the ranges that were set, so nothing is proved; its cases have "
            f"{_worked(template, inputs)}; a case of your own goes into what `greenlang template new-spec "
            f"{template.name}` writes"
        )
    return spec_text(filled, head(filled, name))


def _worked(template: Template, names: Iterable[str]) -> str:
    """The values of some inputs in the golden cases: ``cop 3 and 4.4``."""
    cases = [case["input"] for case in template.declared.spec.tests["golden"]]
    values = {name: list(dict.fromkeys(str(case[name]) for case in cases if name in case)) for name in names}
    return ", ".join(f"{name} {' and '.join(told)}" for name, told in values.items())


def spec_of(
    template: Template, name: str, parameters: Mapping[str, Parameter], *, region: str = "", sector: str = ""
) -> AgentSpec:
    """One spec from a template, read. Raises TemplateError with the first finding if it does not read."""
    inputs = of_mapping(parameters, template.declared.spec.compute.get("inputs", {}))
    text = filled_text(template, name=name, region=region, sector=sector, inputs=inputs)
    spec, findings = read_spec(text.encode(), f"{name or template.name}.yaml")
    if spec is None:
        raise TemplateError(findings[0].text(template.name))
    return spec


def _known(template: Template, region: str, sector: str) -> tuple[str, str]:
    """Region and sector as the catalogue spells them. Raises TemplateError."""
    words = words_of.vocabulary()
    sectors = words.domains[template.domain].sectors
    return (
        region and words_of.word("region", region, words.regions),
        sector and words_of.word("sector", sector, sectors),
    )


def _searched(template: Template) -> str:
    declared = template.declared
    own = (declared.name, declared.title, declared.for_whom, *declared.subdomains, *declared.spec.tags)
    return " ".join([*own, declared.spec.summary])


def _words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in _WORD.findall(text.lower()))


def _words_of_template(template: Template) -> Counter[str]:
    declared = template.declared
    compute: dict[str, Any] = declared.spec.compute
    named = [f"{n} {d.get('description', '')}" for s in ("inputs", "outputs") for n, d in compute.get(s, {}).items()]
    return _words([declared.title, *declared.subdomains, declared.spec.summary, *declared.spec.tags, *named])


def _words_of_spec(spec: AgentSpec) -> Counter[str]:
    inputs = [f"{i.name} {i.description}" for i in spec.inputs.values()]
    outputs = [f"{o.name} {o.description}" for o in spec.outputs.values()]
    return _words([spec.agent_id, spec.name, spec.summary, *spec.tags, *inputs, *outputs])


def _weights(texts: Iterable[Counter[str]]) -> dict[str, float]:
    """Rare words weigh more: the logarithm of the share of templates that hold a word."""
    whole = list(texts)
    held = Counter(word for text in whole for word in text)
    return {word: 1 + math.log((1 + len(whole)) / (1 + n)) for word, n in held.items()}


def _cosine(a: Counter[str], b: Counter[str], weight: Mapping[str, float]) -> float:
    dot = math.fsum(a[w] * b[w] * weight[w] ** 2 for w in sorted(a.keys() & b.keys()))
    length = _length(a, weight) * _length(b, weight)
    return dot / length if length else 0.0


def _length(text: Counter[str], weight: Mapping[str, float]) -> float:
    return math.sqrt(math.fsum((n * weight[w]) ** 2 for w, n in sorted(text.items()) if w in weight))
