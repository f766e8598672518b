"""Packs in and out, taking builds back, and an agent's other forms.

Belongs here: thin handlers over `greenlang.registry` (`pack_exchange`, `packs`, `Registry.yank`, `emit`). Does not
belong here: verifying, writing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from greenlang.api.caching import matches
from greenlang.api.models import Agent
from greenlang.api.naming import Ref, Text, Words, build_named
from greenlang.api.preconditions import AsSeen
from greenlang.api.principal import Store, need
from greenlang.api.problems import Problem, documented
from greenlang.bucket import Bucket
from greenlang.registry import Registry, pack_exchange
from greenlang.registry.emit import FILES, Form, emit
from greenlang.registry.packs import homes, pack_of
from greenlang.settings import Settings

router = APIRouter(prefix="/api/v1/registry", tags=["registry"])

Binding = Literal["JSONRPC", "GRPC", "HTTP+JSON"]
ZIP = "application/zip"


class InBucket(BaseModel):
    """A zip that lies in the bucket, below `uploads/<tenant>/`."""

    object: Annotated[Text, Field(description="as uploads/acme/boiler.zip")]


class Yank(BaseModel):
    """Take a build out of what is chosen for people, or with `yanked` false put it back."""

    reason: Annotated[Words, Field(min_length=1)]
    yanked: bool = True
    dry_run: bool = False


class Yanked(BaseModel):
    """Whether that changed anything, or for a trial would."""

    changed: bool
    yanked: bool


_BODY = {
    "required": True,
    "content": {
        ZIP: {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": InBucket.model_json_schema()},
    },
}


@router.post(
    "/agents",
    status_code=201,
    responses={200: {"description": "It was published before", "model": Agent}, **documented(404, 415)},
    openapi_extra={"requestBody": _BODY},
    dependencies=[need("publish_agent")],
)
async def publish(request: Request, response: Response, store: Store) -> Agent:
    """Publish a pack: a zip of its folder and its signed envelope, sent along or lying in the bucket.

    The pack must be as it was certified, and signed by a key that is known here. Other bytes under a version that
    stands are refused.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (ZIP, "application/json"):
        raise Problem(415, f"send a pack as {ZIP}, or where it lies as application/json")
    return await run_sync(_published, store, request.app.state.settings, body, kind == ZIP, response)


def _published(store: Registry, settings: Settings, body: bytes, is_zip: bool, response: Response) -> Agent:
    data = body if is_zip else _from_bucket(store, settings, body)
    registered, entry = pack_exchange.publish(store, data, settings.var, settings.keys)
    if registered == "exists":
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/registry/agents/{entry.agent_id}@{entry.version}"
    return Agent.of(entry)


def _from_bucket(store: Registry, settings: Settings, body: bytes) -> bytes:
    try:
        name = InBucket.model_validate_json(body).object
    except ValidationError as error:
        mistakes = [{"pointer": "/body", "detail": one["msg"]} for one in json.loads(error.json())]
        raise Problem(
            422, "the body does not say where the pack lies", kind="invalid-request", errors=mistakes
        ) from error
    home = f"uploads/{store.caller.tenant}/"
    if not name.startswith(home) or ".." in name.split("/"):
        raise Problem(422, f"packs of this tenant lie below {home}", kind="invalid-request")
    bucket = Bucket.open(settings.bucket_address)
    if not bucket.exists(name):
        raise Problem(404, f"the bucket has no {name}")
    return bucket.read(name, settings.api_max_body_bytes)


@router.post("/agents/{agent_id:path}/yank", responses=documented(404), dependencies=[need("yank_agent")])
def yank(ref: Ref, store: Store, seen: AsSeen, asked: Yank) -> Yanked:
    """Yank the build that is named: what pinned it still finds it, nobody is led to it."""
    build = build_named(store, seen.of_agent(store, ref))
    if asked.dry_run:
        changed = build.yanked != asked.yanked
    else:
        changed = store.yank(build.agent_id, build.version, build.pack_digest, asked.reason, asked.yanked)
    return Yanked(changed=changed, yanked=asked.yanked)


_PACK: dict[int | str, dict[str, Any]] = {
    200: {"description": "A zip", "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "If-None-Match names it"},
}


@router.get(
    "/agents/{agent_id:path}/pack",
    responses={**_PACK, **documented(404)},
    response_class=Response,
    dependencies=[need("read_registry")],
)
def pack(ref: Ref, store: Store, request: Request) -> Response:
    """The pack of the build in force, or the one named, as it is published: its folder and its signed envelope.

    Every file is as it was certified. The ETag is the digest of the certificate.
    """
    settings: Settings = request.app.state.settings
    entry = build_named(store, ref)
    headers = {"ETag": f'"{entry.certificate_digest}"'}
    if matches(request.headers.get("if-none-match", "").encode(), headers["ETag"].encode()):
        return Response(status_code=304, headers=headers)
    found = pack_of(entry, homes(settings, entry.tenant))
    headers["Content-Disposition"] = f'attachment; filename="{found.name}.zip"'
    return Response(found.zip(signed=True), media_type=ZIP, headers=headers)


@router.get(
    "/agents/{agent_id:path}/forms/{form}",
    responses={200: {"content": {"application/json": {}}}, **documented(404)},
    response_class=Response,
    dependencies=[need("read_registry")],
)
def form(
    ref: Ref,
    store: Store,
    request: Request,
    form: Form,
    url: Annotated[Text, Query(description="where the agent is served")] = "",
    binding: Annotated[Binding, Query(description="A2A's binding at that address")] = "JSONRPC",
) -> Response:
    """The build in force as MCP `server.json`, A2A agent card, in-toto verification summary or CycloneDX bill."""
    settings: Settings = request.app.state.settings
    entry = build_named(store, ref)
    data = emit(store, entry, homes(settings, entry.tenant), form, url=url, binding=binding)
    headers = {"Content-Disposition": f'inline; filename="{FILES[form]}"'}
    return Response(data, media_type="application/json", headers=headers)
