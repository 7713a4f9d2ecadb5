"""What the service is, whether it lives, and how much it does."""

from __future__ import annotations

import time
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fw_dataset import __version__
from fw_dataset.serve.answers import json_response
from fw_dataset.serve.openapi import description
from fw_dataset.serve.service import Service, service_of

__all__ = ["ROUTES"]

_TYPE = {"group": "org.ga4gh", "artifact": "data-connect", "version": "1.0.0"}


async def service_info(request: Request) -> Response:
    """GA4GH's description of a service."""
    base = service_of(request).access.base_url(request)
    return json_response(
        {
            "id": "fw-dataset.data-connect",
            "name": "fw-dataset",
            "description": "Tables of Flywheel datasets, by GA4GH Data Connect.",
            "type": _TYPE,
            "organization": {"name": "fw-dataset", "url": base},
            "version": __version__,
        }
    )


async def health(_: Request) -> Response:
    """Answers while the server does."""
    return json_response({"status": "ok"})


async def openapi(request: Request) -> Response:
    """The description of all this for programs."""
    return json_response(description(service_of(request).access.base_url(request)))


async def metrics(request: Request) -> Response:
    """Counts for Prometheus."""
    text = "".join(f"{line}\n" for line in _metrics(service_of(request)))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _metrics(service: Service) -> Iterator[str]:
    queries = service.queries
    gauges = {
        "uptime_seconds": round(time.monotonic() - service.started, 3),
        "queries_running": queries.running,
        "queries_waiting": queries.waiting,
        "results_kept_bytes": queries.kept_bytes,
    }
    for name, value in gauges.items():
        yield f"# TYPE fw_dataset_{name} gauge"
        yield f"fw_dataset_{name} {value}"
    yield "# TYPE fw_dataset_queries_total counter"
    for state, count in queries.counts.items():
        yield f'fw_dataset_queries_total{{state="{state}"}} {count}'
    for name, value in {"rows": queries.rows, "bytes": queries.bytes}.items():
        yield f"# TYPE fw_dataset_results_{name}_total counter"
        yield f"fw_dataset_results_{name}_total {value}"
    yield "# TYPE fw_dataset_requests_total counter"
    for (method, route, status), count in sorted(service.requests.items()):
        labels = f'method="{method}",route="{route}",status="{status}"'
        yield f"fw_dataset_requests_total{{{labels}}} {count}"
    yield "# TYPE fw_dataset_request_seconds_total counter"
    for route, seconds in sorted(service.seconds.items()):
        yield f'fw_dataset_request_seconds_total{{route="{route}"}} {seconds:.3f}'


ROUTES = (
    Route("/service-info", service_info),
    Route("/healthz", health),
    Route("/openapi.json", openapi),
    Route("/metrics", metrics),
)
