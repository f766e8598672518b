"""The agent over HTTP: `pip install fastapi uvicorn`, then `uvicorn --app-dir demos api:app`.

POST /run calculates, GET /schema says what the agent takes and gives, GET /health proves the pinned
rows, GET /metrics counts runs; /docs shows all of it.
"""

import json
import re
import uuid
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from greenlang_sdk.results import AgentResult

import gl_x_smallest as pack
from gl_x_smallest.logs import RUN_ID, log_runs

EXAMPLE: dict[str, object] = {
    "a": 1,
}
LARGEST = 1_000_000  # bytes of a request

agent = pack.Agent()
log_runs(agent)
app = FastAPI(title="Smallest", version=pack.Agent.version)


async def payload(request: Request) -> dict[str, Any]:
    """The JSON object of a request; numbers keep every digit."""
    body = await request.body()
    if len(body) > LARGEST:
        raise HTTPException(413, f"a request has at most {LARGEST} bytes")
    try:
        given = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise HTTPException(400, f"this is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise HTTPException(400, "a JSON object is needed")
    return given


def run_id(request: Request) -> str:
    """The caller's X-Request-ID if it is a plain word, a new one otherwise."""
    wanted = request.headers.get("x-request-id", "")
    return wanted if re.fullmatch(r"[\w.-]{1,64}", wanted) else uuid.uuid4().hex


def answer(result: AgentResult[Any]) -> Response:
    """The canonical result: 200 with data, 422 with the reasons of a refusal."""
    return Response(
        result.canonical(),
        200 if result.success else 422,
        {"X-Request-ID": RUN_ID.get()},
        "application/json",
    )


BODY = {"schema": pack.Input.model_json_schema(), "example": EXAMPLE}


@app.post("/run", openapi_extra={"requestBody": {"content": {"application/json": BODY}}})
async def run(request: Request) -> Response:
    """Run the agent."""
    given = await payload(request)
    RUN_ID.set(run_id(request))
    return answer(agent.run(given))


@app.get("/schema")
async def schema() -> dict[str, Any]:
    """What the agent takes and what it gives, as JSON Schema."""
    return {"input": pack.Input.model_json_schema(), "output": pack.Output.model_json_schema()}


@app.get("/health")
async def health() -> dict[str, object]:
    """Whether the agent can work; a damaged pack is a 500."""
    return agent.health()


@app.get("/metrics")
async def metrics() -> dict[str, object]:
    """How often and how long the agent ran in this process."""
    return agent.metrics.as_dict()
