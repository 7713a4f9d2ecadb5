"""The OpenAPI description of the service: Data Connect 1.0.0, and what there is beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fw_dataset import __version__
from fw_dataset.serve.search import MEDIA_TYPES

__all__ = ["description"]

_Schema = dict[str, Any]


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> _Schema:
    found: _Schema = {"type": "object", "properties": dict(properties)}
    return {**found, "required": list(required)} if required else found


_STRING = {"type": "string"}
_SCHEMAS: Mapping[str, _Schema] = {
    "Table": _object(
        {
            "name": _STRING,
            "description": _STRING,
            "data_model": {"type": "object", "description": "JSON Schema, draft 7."},
            "rows": {"type": "integer", "minimum": 0},
        },
        ("name", "data_model"),
    ),
    "Pagination": _object({"next_page_url": {"type": "string", "format": "uri"}}),
    "ListTables": _object(
        {"tables": {"type": "array", "items": _ref("Table")}, "pagination": _ref("Pagination")},
        ("tables",),
    ),
    "TableData": _object(
        {
            "data": {"type": "array", "items": {"type": "object"}},
            "data_model": {"type": "object"},
            "pagination": _ref("Pagination"),
        },
        ("data", "data_model"),
    ),
    "Errors": _object(
        {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": _object(
                    {
                        "title": _STRING,
                        "detail": _STRING,
                        "details": _STRING,
                        "source": _STRING,
                        "status": {"type": "integer"},
                    },
                    ("title", "detail"),
                ),
            }
        },
        ("errors",),
    ),
    "SearchRequest": _object(
        {
            "query": {
                "type": "string",
                "description": "One SELECT in DuckDB's dialect; much of Trino's is understood.",
                "minLength": 1,
            },
            "parameters": {
                "description": "A value for each ? of the query.",
                "type": ["array", "null"],
                "items": {},
            },
        },
        ("query",),
    ),
    "ServiceInfo": _object(
        {
            "id": _STRING,
            "name": _STRING,
            "description": _STRING,
            "type": _object(
                dict.fromkeys(("group", "artifact", "version"), _STRING),
                ("group", "artifact", "version"),
            ),
            "organization": _object({"name": _STRING, "url": _STRING}, ("name", "url")),
            "version": _STRING,
        },
        ("id", "name", "type", "organization", "version"),
    ),
    "Files": _object(
        {
            "files": {
                "type": "array",
                "items": _object({"url": _STRING, "bytes": {"type": "integer"}}),
            }
        },
        ("files",),
    ),
    "Health": _object({"status": _STRING}, ("status",)),
}
_PROBLEMS = {
    "400": "The query is wrong, not possible, too long or too large.",
    "401": "A token is needed.",
    "403": "A page of another site asks.",
    "404": "There is no such thing, or no more.",
    "406": "Not in that format.",
    "413": "The request is too large.",
    "415": "The request is not JSON.",
    "421": "The server is not called so.",
    "429": "Too many queries run; Retry-After says when to come back.",
    "500": "The server failed.",
    "503": "The server ends; ask again when it is back.",
}
_TEXT_PARAMETER = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def description(base_url: str) -> dict[str, Any]:
    """The description.

    Args:
        base_url: where the service is.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GA4GH Data Connect of Flywheel datasets",
            "version": __version__,
            "description": "Tables of Flywheel datasets. Follow pagination.next_page_url until an"
            " answer has none.",
        },
        "servers": [{"url": base_url}],
        "security": [{"bearer": []}, {}],
        "paths": _paths(),
        "components": {
            "schemas": dict(_SCHEMAS),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> dict[str, Any]:
    table, ticket = _parameter("name"), _parameter("page")
    number = {"name": "number", **_TEXT_PARAMETER, "schema": {"type": "integer", "minimum": 0}}
    binary: _Schema = {MEDIA_TYPES["parquet"]: {"schema": {}}}
    return {
        "/tables": {"get": _get("listTables", "All tables.", "ListTables")},
        "/table/{name}/info": {
            "get": _get("getTableInfo", "A table's schema.", "Table", [table], "404")
        },
        "/table/{name}/data": {
            "get": _get(
                "getTableData", "A table's rows.", "TableData", [table], "404", "429", "503"
            )
        },
        "/table/{name}/files": {
            "get": _get("listTableFiles", "Its Parquet files.", "Files", [table], "404")
        },
        "/table/{name}/files/{number}.parquet": {
            "get": {
                **_get("getTableFile", "A Parquet file; with Range.", "Files", [table, number]),
                "responses": {
                    "200": {"description": "The file.", "content": binary},
                    "206": {"description": "A stretch of it.", "content": binary},
                    "416": {"description": "The file is not as long."},
                    **_problems("400", "404"),
                },
            }
        },
        "/search": {"post": _search()},
        "/search/{id}": {
            "delete": {
                "operationId": "cancelSearch",
                "summary": "End a query.",
                "parameters": [_parameter("id")],
                "responses": {"204": {"description": "It is gone."}, **_problems("404")},
            }
        },
        "/search/{id}/{page}": {
            "get": _get(
                *("getSearchPage", "Further rows.", "TableData", [_parameter("id"), ticket]),
                *("404", "503"),
            )
        },
        "/service-info": {"get": _get("getServiceInfo", "What this is.", "ServiceInfo")},
        "/healthz": {"get": _get("getHealth", "Whether it lives.", "Health")},
    }


def _parameter(name: str) -> _Schema:
    return {"name": name, **_TEXT_PARAMETER}


def _get(
    operation: str,
    summary: str,
    schema: str,
    parameters: list[_Schema] | None = None,
    *problems: str,
) -> _Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": parameters or [],
        "responses": {
            "200": {"description": summary, "content": _json(schema)},
            **_problems("400", *problems),
        },
    }


def _search() -> _Schema:
    forms: _Schema = {media: {"schema": {}} for media in MEDIA_TYPES.values()}
    return {
        "operationId": "search",
        "summary": "Run a query.",
        "parameters": [
            {
                "name": "format",
                "in": "query",
                "schema": {"type": "string", "enum": ["json", *MEDIA_TYPES]},
            }
        ],
        "requestBody": {"required": True, "content": _json("SearchRequest")},
        "responses": {
            "200": {"description": "Rows.", "content": {**_json("TableData"), **forms}},
            **_problems("400", "404", "413", "415", "429", "503"),
        },
    }


def _problems(*statuses: str) -> _Schema:
    all_of_them = dict.fromkeys((*statuses, "401", "403", "421", "500"))
    return {
        status: {"description": _PROBLEMS[status], "content": _json("Errors")}
        for status in all_of_them
    }


def _json(name: str) -> _Schema:
    return {"application/json": {"schema": _ref(name)}}
