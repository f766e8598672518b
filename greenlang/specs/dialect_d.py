"""Dialect D: a pack of schema 1.0. With inputs and outputs it is a spec; a bare manifest has nothing to generate."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from greenlang.specs import dialects, related, shapes
from greenlang.specs.base import ID
from greenlang.specs.cases import LooseReader
from greenlang.specs.form import AgentId, AnyText, Because, Version, Words, checked
from greenlang.specs.ledger import ledger_of
from greenlang.specs.model import AgentSpec

_MANIFEST = Because("what the author's own package holds; the factory generates the code")


def _form_of_tests(value: object) -> str:
    return "<long>" if isinstance(value, dict | shapes.LooseTests) else "<files>"


class Manifest(shapes.Whole):
    """A whole file of dialect D."""

    name: AnyText
    version: Version
    pack_schema_version: Annotated[Any, WithJsonSchema({"enum": ["1.0", "1.0.0", "1", 1]})] = None
    kind: Annotated[Any, Because("the kind of the file: a pack")] = None
    id: AgentId | None = None
    summary: AnyText = ""
    description: AnyText = ""
    license: AnyText = "Apache-2.0"
    tags: Words = Field(default_factory=list)
    owners: Words = Field(default_factory=list)
    needs: dict[str, AnyText] = Field(default_factory=dict)
    regulations: Words = Field(default_factory=list)
    inputs: shapes.Ports = None
    outputs: shapes.Ports = None
    factors: shapes.ClaimedReferences = None
    formula: shapes.Texts = None
    formulas: shapes.Texts = None
    physics_formula: shapes.Texts = None
    calculation_method: shapes.Texts = None
    provenance: shapes.Provenance | None = None
    tests: Annotated[
        Annotated[shapes.LooseTests, Tag("<long>")] | Annotated[list[Any] | str | None, Tag("<files>")],
        Discriminator(_form_of_tests),
    ] = None
    author: Annotated[Any, shapes.KEPT] = None
    ai: Annotated[Any, shapes.AI] = None
    realtime: Annotated[Any, Because("live connectors are not part of a generated pack")] = None
    security: Annotated[Any, Because("a generated agent opens no connection, so there is nothing to allow")] = None
    contents: Annotated[Any, _MANIFEST] = None
    dependencies: Annotated[Any, Because("a generated agent needs pydantic and the GreenLang SDK only")] = None
    capabilities: Annotated[Any, Because("a generated agent needs neither files nor a network")] = None
    policy: Annotated[Any, shapes.RUNS] = None
    compat: Annotated[Any, shapes.RUNS] = None
    card: Annotated[Any, _MANIFEST] = None
    publisher: Annotated[Any, shapes.KEPT] = None
    metadata: Annotated[Any, shapes.KEPT] = None
    compliance: Annotated[Any, shapes.KEPT] = None
    test_command: Annotated[Any, Because("a generated agent brings its test suite")] = None
    min_greenlang_version: Annotated[Any, shapes.RUNS] = None


class ReaderD(LooseReader):
    """Reads one file of dialect D."""

    def read(self, data: bytes) -> AgentSpec | None:
        """The spec, however many mistakes it has; None if it has nothing to generate."""
        self.ledger = ledger_of(Manifest, self.document.value)
        if "outputs" not in self.document.value:
            self.add("GLS027", self.nothing(), "declare `inputs` and `outputs`, or write a spec for each agent", ())
            return None
        self.form = checked(Manifest, self.document, self.add)
        raw: Manifest | None = self.form.value
        self.unknown_keys()
        if raw is None:
            return None
        agent_id = raw.id
        if agent_id is None and ID.match(raw.name):
            agent_id = raw.name
        if agent_id is None:
            self.add("GLS011", "`id` is missing", "add it, such as `emissions/boiler_v1`", ("id",))
        elif not self.form.touches(("id",)):
            self.check_id(agent_id, ("id",) if raw.id is not None else ("name",))
        if not self.form.touches(("version",)):
            self.check_version(raw.version)
        if str(raw.pack_schema_version or "1.0") not in {"1.0", "1", "1.0.0"}:
            message = f"`pack_schema_version` is {raw.pack_schema_version}; this dialect is 1.0"
            self.add(
                "GLS012", message, 'write "1.0"; dialect B has `schema_version: "2.0.0"`', ("pack_schema_version",)
            )
        self.check_tools(raw.ai)
        ports = self.ports(raw.inputs, ("inputs",), raw.outputs, ("outputs",))
        if not ports.outputs and not self.form.touches(("outputs",)):
            self.add(
                "GLS027", "`outputs` declares no output: there is nothing to generate", "declare one", ("outputs",)
            )
        tests = raw.tests if isinstance(raw.tests, shapes.LooseTests) else shapes.LooseTests()
        if raw.tests is not None and not isinstance(raw.tests, shapes.LooseTests):
            self.ignore(("tests",), "test files of the author's own package; a generated agent brings its test suite")
        golden = [self.golden(case, ports, ("tests", "golden", i)) for i, case in enumerate(tests.golden)]
        prose = [
            p
            for key, kind in (
                ("physics_formula", "physics_formula"),
                ("calculation_method", "calculation_method"),
                ("formula", "formula"),
                ("formulas", "formula"),
            )
            for p in self.texts(getattr(raw, key), kind, (key,), ports)  # type: ignore[arg-type]
        ]
        gwp = raw.provenance.gwp_set if raw.provenance is not None else None
        return AgentSpec(
            dialect="D",
            digest=hashlib.sha256(data).hexdigest(),
            agent_id=agent_id or "missing",
            version=raw.version,
            name=raw.name,
            summary=" ".join((raw.summary or raw.description).split()),
            tags=tuple(raw.tags),
            owners=tuple(raw.owners),
            license=raw.license,
            inputs=ports.inputs,
            unused=ports.unused,
            outputs=ports.outputs,
            factors=self.claimed_references(raw.factors, ("factors",)),
            golden=tuple(c for c in golden if c is not None),
            properties=tuple(self.property(p, ("tests", "properties", i)) for i, p in enumerate(tests.properties)),
            prose=(*prose, *ports.prose),
            gwp_set=self.gwp_set(gwp, ("provenance", "gwp_set")),
            extra={k: v for k in ("ai", "realtime", "security", "metadata") if isinstance(v := getattr(raw, k), dict)},
            raw=data.decode("utf-8-sig"),
            dependencies=tuple(related.needs(self, raw.needs, ("needs",), agent_id or "")),
            regulations=tuple(
                dict.fromkeys((*raw.regulations, *related.regulations(self, ("compliance", "metadata"))))
            ),
        )

    def nothing(self) -> str:
        """The sentence about a manifest that declares nothing to compute."""
        contents = self.document.value.get("contents")
        agents = contents.get("agents") if isinstance(contents, dict) else None
        names = [dialects.name_of(a) for a in agents] if isinstance(agents, list) else []
        if names:
            return (
                f"this is a pack manifest that lists {dialects.counted('agent', names)} by the names of "
                "their code, without a calculation: nothing to generate"
            )
        return "this is a pack manifest without outputs: nothing to generate"
