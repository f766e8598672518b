"""Requests to the factory: jobs and batches, what it has done, its reports and templates.

Belongs here: these requests. Does not belong here: what they do (`greenlang.factory`).
"""

from __future__ import annotations

from collections.abc import Sequence

from greenlang.client.call import FACTORY, Call, Document, Page, document, given, listed, named, part


def generate(
    spec: str, *, name: str = "spec.yaml", overlay: str = "", max_refinements: int | None = None
) -> Call[Document]:
    """Have an agent built from a spec (YAML): job_id, batch_id, status. `job` tells how far it is."""
    return Call("POST", f"{FACTORY}/generate", document, body=_spec(spec, name, overlay) | _options(max_refinements))


def generate_batch(
    specs: Sequence[tuple[str, str, str]], *, max_concurrent: int | None = None, max_refinements: int | None = None
) -> Call[Document]:
    """Have several built, each (name, spec, overlay or empty): batch_id, job_ids, status."""
    body: Document = {"specs": [_spec(spec, name, overlay) for name, spec, overlay in specs]}
    more = {} if max_concurrent is None else {"max_concurrent": max_concurrent}
    return Call("POST", f"{FACTORY}/batch", document, body=body | more | _options(max_refinements))


def job(job_id: str) -> Call[Document]:
    """How far a job is: status, progress, stage, outcome, reason, errors."""
    return Call("GET", f"{FACTORY}/jobs/{part(job_id)}", document)


def batch(batch_id: str) -> Call[Document]:
    """How far a batch is, and each of its jobs."""
    return Call("GET", f"{FACTORY}/batch/{part(batch_id)}", document)


def artifacts(job_id: str) -> Call[Document]:
    """Code, tests and documents that a job made, as path -> text."""
    return Call("GET", f"{FACTORY}/jobs/{part(job_id)}/artifacts", document)


def validate(spec: str, overlay: str = "") -> Call[Document]:
    """Every finding about a spec, without building it: valid, complete, errors, warnings, missing."""
    return Call(
        "POST", f"{FACTORY}/validate", document, body={"spec": spec} | ({"overlay": overlay} if overlay else {})
    )


def metrics() -> Call[Document]:
    """The factory in a few figures."""
    return Call("GET", f"{FACTORY}/metrics", document)


def health() -> Call[Document]:
    """Whether the factory can work: status, llm_providers, dependencies."""
    return Call("GET", f"{FACTORY}/health", document)


def status() -> Call[Document]:
    """Specs by outcome, the last run, and a page of what failed: outcomes, last_run, failed, next."""
    return Call("GET", f"{FACTORY}/status", document)


def failed() -> Call[Page[Document]]:
    """The specs that are not registered, and why."""
    return Call("GET", f"{FACTORY}/status", listed(document, "failed"))


def log(*, run: str = "", outcome: str = "", limit: int = 50) -> Call[Page[Document]]:
    """What the factory did, an object an outcome, the newest first."""
    return Call("GET", f"{FACTORY}/log", listed(document), given(run=run, outcome=outcome, limit=limit))


def run(run_id: str = "") -> Call[Document]:
    """A run by its id, or how that begins; without it the last one: batch, status, failed and more."""
    return Call("GET", f"{FACTORY}/runs/{part(run_id)}" if run_id else f"{FACTORY}/runs/last", document)


def judged(ref: str) -> Call[Document]:
    """What the factory recorded of an agent: qa_dimensions, lineage; of one that is not registered why."""
    path, params = named(ref, below=f"{FACTORY}/agents")
    return Call("GET", path, document, params)


def report(ref: str) -> Call[bytes]:
    """The quality report on an agent, as `greenlang.quality.report.from_json` reads it."""
    path, params = named(ref, below=f"{FACTORY}/quality")
    return Call("GET", path, bytes, params, binary=True)


def templates(text: str = "", *, domain: str = "", category: str = "") -> Call[Page[Document]]:
    """The templates that hold the words: name, title, domain, categories, version, digest, tenant."""
    params = given(text=text, domain=domain, category=category)
    return Call("GET", f"{FACTORY}/templates", listed(document, "templates"), params)


def template(name: str) -> Call[Document]:
    """One template with its text."""
    return Call("GET", f"{FACTORY}/templates/{part(name)}", document)


def _spec(text: str, name: str, overlay: str) -> Document:
    return {"spec": text, "name": name} | ({"overlay": overlay} if overlay else {})


def _options(max_refinements: int | None) -> Document:
    return {} if max_refinements is None else {"options": {"max_refinements": max_refinements}}
