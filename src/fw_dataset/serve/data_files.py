"""The Parquet files themselves, with HTTP Range, for what reads Parquet by URL."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from fw_dataset.serve.answers import ApiError, json_response
from fw_dataset.serve.search import MEDIA_TYPES
from fw_dataset.serve.service import service_of

__all__ = ["ROUTES"]


async def list_files(request: Request) -> Response:
    """The addresses of a table's data files, in the order of their rows."""
    service = service_of(request)
    table = service.table(request.path_params["name"])
    base = f"{service.access.base_url(request)}/table/{quote(table.name, safe='')}/files"
    files = await asyncio.to_thread(lambda: table.files)
    listed = [{"url": f"{base}/{n}.parquet", "bytes": f.size} for n, f in enumerate(files)]
    return json_response({"files": listed})


async def data_file(request: Request) -> Response:
    """A data file, or a stretch of it."""
    service = service_of(request)
    table = service.table(request.path_params["name"])
    number = request.path_params["number"]
    files = await asyncio.to_thread(lambda: table.files)
    if number >= len(files):
        raise ApiError(404, "no such file", f"{table.name} has {len(files)} data files")
    local = service.queries.files
    await asyncio.to_thread(local.bring, [table])
    path = local.path(table, files[number])
    if not path.is_file():
        raise ApiError(404, "no such file", "the version has been deleted meanwhile")
    return FileResponse(path, media_type=MEDIA_TYPES["parquet"])


ROUTES = (
    Route("/table/{name}/files", list_files),
    Route("/table/{name}/files/{number:int}.parquet", data_file),
)
