"""Requests for every route of the application, filled from its own OpenAPI document.

Belongs here: turning a documented operation into a request that it takes. Does not belong here: what is asserted.

A path parameter that is not known here fails the test that meets it: whoever adds a route says what fills it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

METHODS = ("get", "post", "put", "patch", "delete")

# By field name, where the schema alone gives a value that the handler would refuse.
FIELDS: dict[str, Any] = {
    "pattern": "heat/*",
    "name": "thing",
    "roles": ["viewer"],
    "to": "experimental",
    "reason": "because",
    "comment": "because",
    "successor": "",
    "residency": "",
    "day": "2026-01-01",
    "tenant": "newcomer",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path, as documented."""

    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    permission: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def url(self, values: dict[str, str]) -> str:
        path = self.path
        for one in self.parameters:
            if one["in"] == "path":
                path = path.replace("{" + one["name"] + "}", values[one["name"]])
        query = [
            f"{one['name']}={values[one['name']]}"
            for one in self.parameters
            if one["in"] == "query" and one["required"]
        ]
        return f"{path}?{'&'.join(query)}" if query else path


def operations(app: FastAPI) -> list[Operation]:
    """Every documented operation."""
    document = app.openapi()
    return [
        Operation(
            method,
            path,
            item[method].get("parameters", []),
            _body(item[method], document),
            item[method].get("x-permission", ""),
        )
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def _body(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    return {"value": example(content["application/json"]["schema"], document)}


def example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A small value that the schema takes."""
    if "$ref" in schema:
        return example(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "examples" in schema:
        return schema["examples"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], document)
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            name: FIELDS[name] if name in FIELDS else example(properties[name], document)
            for name in schema.get("required", [])
        }
    if kind == "array":
        return [example(schema["items"], document)] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    return {"boolean": False, "string": "x" * max(1, schema.get("minLength", 1))}.get(str(kind))
