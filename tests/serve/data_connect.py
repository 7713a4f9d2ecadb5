"""What Data Connect 1.0.0 demands of a server, as an OpenAPI description.

Its facts (paths, parameters, statuses, members and which of them must be there) are those of
``spec/api.yaml`` in the GA4GH's repository ``data-connect``; what a service tells of itself, and
that it does so without a token, those of ``service-info`` 1.0.0. What these refer to elsewhere
stands here in its place. That a table's model is itself a JSON Schema of draft 7 is no rule of
OpenAPI's: other tests look at that.
"""

from __future__ import annotations

from typing import Any

__all__ = ["demanded"]

_TEXT = {"type": "string"}
_URL = {"type": "string", "format": "uri"}
_INSTANT = {"type": "string", "format": "date-time"}
_MODEL = {"oneOf": [{"type": "object"}, {"type": "boolean"}]}


def _object(must: dict[str, Any], **may: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": {**must, **may}}
    return {**found, "required": list(must)} if must else found


_ERRORS = {"type": "array", "items": _object({"title": _TEXT}, source=_TEXT, detail=_TEXT)}
_FAILED = _object({}, errors=_ERRORS)
_PAGINATION = _object({}, next_page_url=_URL)
_TABLE = _object({"name": _TEXT, "data_model": _MODEL}, description=_TEXT, errors=_ERRORS)
_TABLES = _object(
    {"tables": {"type": "array", "items": _TABLE}}, pagination=_PAGINATION, errors=_ERRORS
)
_ROWS = _object(
    {"data_model": _MODEL, "data": {"type": "array", "items": {"type": "object"}}},
    pagination=_PAGINATION,
    errors=_ERRORS,
)
_SEARCH = _object({"query": _TEXT}, parameters={"type": "array", "items": {}})
_SERVICE = _object(
    {
        "id": _TEXT,
        "name": _TEXT,
        "type": _object(dict.fromkeys(("group", "artifact", "version"), _TEXT)),
        "organization": _object({"name": _TEXT, "url": _URL}),
        "version": _TEXT,
    },
    description=_TEXT,
    contactUrl=_URL,
    documentationUrl=_URL,
    createdAt=_INSTANT,
    updatedAt=_INSTANT,
    environment=_TEXT,
)
_NAME = {"name": "table_name", "in": "path", "required": True, "schema": _TEXT}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


# Any server of HTTP may say so: no token, not by this method, too much, no JSON, too many requests.
_OF_HTTP = ("401", "405", "413", "415", "429")


def _answers(schema: dict[str, Any], *failures: str) -> dict[str, Any]:
    """The answers of an operation; of a 404 no body is demanded."""
    found: dict[str, Any] = {"200": {"description": "Done", "content": _json(schema)}}
    for status in (*failures, *_OF_HTTP):
        body = {} if status == "404" else {"content": _json(_FAILED)}
        found[status] = {"description": "Failed", **body}
    return found


def demanded() -> dict[str, Any]:
    """The description, without the address of a server."""
    one = {"parameters": [_NAME]}
    search = {"requestBody": {"required": True, "content": _json(_SEARCH)}}
    return {
        "openapi": "3.0.2",
        "info": {"title": "Data Connect", "version": "1.0.0"},
        "security": [{"bearerAuth": []}],
        "paths": {
            "/tables": {"get": {"responses": _answers(_TABLES, "500")}},
            "/table/{table_name}/info": {
                "get": {**one, "responses": _answers(_TABLE, "404", "500")}
            },
            "/table/{table_name}/data": {
                "get": {**one, "responses": _answers(_ROWS, "404", "500")}
            },
            "/search": {"post": {**search, "responses": _answers(_ROWS, "400", "404", "500")}},
            "/service-info": {"get": {"responses": _answers(_SERVICE), "security": []}},
        },
        "components": {"securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}}},
    }
