"""The page and its HTTP interface, see docs/app.md."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from restoreflow import __version__
from restoreflow.batch.record import json_line
from restoreflow.batch.record_types import RECORD_SCHEMA
from restoreflow.batch.results import ResultFile
from restoreflow.errors import InputError, LimitError, ModelError, RestoreflowError, UsageError
from restoreflow.web.asked import read_query
from restoreflow.web.desk import Desk, FullError, Ticket
from restoreflow.web.limits import Limits
from restoreflow.web.page import page, result_section
from restoreflow.web.workshop import Workshop

__all__ = ["RECORD_HEADER", "application"]

RECORD_HEADER = "X-Restoreflow-Record"
"""Where `POST /api/restore` has the record, as one line of JSON."""

_LOCAL = ("127.0.0.1", "localhost", "::1")
_MIME = {
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLL_SECONDS = 0.1
_CODES: tuple[tuple[type[RestoreflowError], int], ...] = (
    *((FullError, 503), (LimitError, 413), (UsageError, 400), (InputError, 422)),
    (ModelError, 503),
)


class _NotFoundError(RestoreflowError):
    """Nothing has this id."""


def application(workshop: Workshop, limits: Limits, local: bool = True) -> Starlette:
    """The server as an ASGI application; its worker lives as long as it.

    Args:
        workshop: what restores.
        limits: what is taken in and kept.
        local: whether it is asked by names of this machine alone. A page of another site that has
            its own name lead here is then refused.
    """
    served = _Served(workshop, Desk(workshop, limits), limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        served.desk.open()
        yield
        await asyncio.to_thread(served.desk.close)

    one = "/api/restorations/{id}"
    return Starlette(
        routes=[
            Route("/", served.page),
            Route("/api", served.facts),
            Route("/api/restore", served.restore, methods=["POST"]),
            Route("/api/restorations", served.submit, methods=["POST"]),
            Route(one, served.state, methods=["GET"]),
            Route(one, served.drop, methods=["DELETE"]),
            Route(one + "/files/{number:int}", served.file),
            Route(one + "/section", served.section),
        ],
        middleware=[Middleware(_Guard, local=local)],
        exception_handlers={RestoreflowError: _refusal, ClientDisconnect: _gone},
        lifespan=lifespan,
    )


class _Guard:
    """Lets in whom the server is for, and says of every answer how it may be used."""

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host = request.headers.get("host", "")
        if self._local and _name(host) not in _LOCAL:
            answer = _failed(403, f"this server is not {host[:80]}", "ask for 127.0.0.1")
            await answer(scope, receive, send)
            return
        if request.method not in ("GET", "HEAD") and not _same_site(request, host):
            answer = _failed(403, "a page of another site asked", "open this server's own page")
            await answer(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        await self._app(scope, receive, with_headers)


def _name(host: str) -> str | None:
    """The name of a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _same_site(request: Request, host: str) -> bool:
    """Whether a request comes from the server's own page, or from no page at all."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


class _Served:
    """The answers, an endpoint a method."""

    def __init__(self, workshop: Workshop, desk: Desk, limits: Limits) -> None:
        self._workshop, self.desk, self._limits = workshop, desk, limits

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page(self._offered(), self._limits))

    async def facts(self, request: Request) -> Response:
        told = {"version": __version__, "models": self._offered(), "limits": vars(self._limits)}
        return JSONResponse({"schema": RECORD_SCHEMA, **told})

    async def submit(self, request: Request) -> Response:
        ticket = await self._submitted(request)
        place = {"Location": f"/api/restorations/{ticket.id}"}
        return JSONResponse(self._state(ticket), 202, place)

    async def restore(self, request: Request) -> Response:
        ticket = await self._submitted(request)
        try:
            while not ticket.over.is_set():
                await asyncio.sleep(_POLL_SECONDS)
                if await request.is_disconnected():
                    return Response(status_code=499)
            if ticket.made is None:
                raise ticket.error or _missing()
            record = self._state(ticket) | {"output": [ticket.made.files[0].path.name]}
            for name in ("id", "files", "uncertainty"):
                record.pop(name, None)
            return _download(ticket.made.files[0], {RECORD_HEADER: json_line(record)})
        finally:
            self.desk.drop(ticket)

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._state(self._found(request)))

    async def drop(self, request: Request) -> Response:
        self.desk.drop(self._found(request))
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        made = self._found(request).made
        number = request.path_params["number"]
        if made is None or not 1 <= number <= len(made.files):
            raise _missing()
        return _download(made.files[number - 1])

    async def section(self, request: Request) -> Response:
        ticket = self._found(request)
        if ticket.made is None:
            raise _missing()
        links = _links(ticket)
        section = await asyncio.to_thread(result_section, ticket.made, ticket.number, links)
        return HTMLResponse(section)

    async def _submitted(self, request: Request) -> Ticket:
        asked = read_query(request.query_params.multi_items())
        self._workshop.check(asked)
        return self.desk.submit(await _body(request, self._limits.bytes), asked)

    def _found(self, request: Request) -> Ticket:
        ticket = self.desk.find(request.path_params["id"])
        if ticket is None:
            raise _missing()
        return ticket

    def _state(self, ticket: Ticket) -> dict[str, Any]:
        """A restoration as programs see it: where it is, or its record with links to its files."""
        told: dict[str, Any] = {"schema": RECORD_SCHEMA, "id": ticket.id}
        if ticket.error is not None:
            return told | _record_of(ticket.error, ticket.asked.name)
        if ticket.made is None:
            told |= {"status": ticket.status, "input": ticket.asked.name}
            return told | {
                "ahead": self.desk.ahead(ticket),
                "done": ticket.done,
                "total": ticket.total,
            }
        links = _links(ticket)
        samples = ticket.made.samples
        told |= ticket.made.record | {"output": links[:samples]}
        if len(links) > samples:
            told["uncertainty"] = links[samples]
        return told | {"files": [file.path.name for file in ticket.made.files]}

    def _offered(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "task": folder.config.task,
                "scale": folder.config.scale,
                "temperature": folder.config.defaults.temperature,
            }
            for name, folder in self._workshop.folders.items()
        ]


def _links(ticket: Ticket) -> list[str]:
    count = 0 if ticket.made is None else len(ticket.made.files)
    return [f"/api/restorations/{ticket.id}/files/{k + 1}" for k in range(count)]


async def _body(request: Request, most: int) -> bytes:
    """A picture's bytes; LimitError as soon as there are too many."""
    too_large = LimitError(f"the file is larger than {most / 1e6:.4g} MB", "reduce it, or crop it")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise too_large
    if not data:
        raise UsageError("no picture came", "send its bytes as the body")
    return bytes(data)


def _download(file: ResultFile, headers: dict[str, str] | None = None) -> Response:
    name = quote(file.path.name, safe="")
    kind = _MIME.get(file.path.suffix.lower(), "application/octet-stream")
    place = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(file.data, headers=place | (headers or {}), media_type=kind)


def _record_of(error: RestoreflowError, name: str | None) -> dict[str, Any]:
    told = {"schema": RECORD_SCHEMA, "input": name, "output": [], "status": "failed"}
    return told | {"error": error.message, "hint": error.hint}


def _failed(code: int, message: str, hint: str = "") -> Response:
    return JSONResponse(_record_of(RestoreflowError(message, hint), None), code, dict(_HEADERS))


def _missing() -> RestoreflowError:
    return _NotFoundError(
        "there is no such result", "it was deleted, or kept for no longer: restore it again"
    )


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, RestoreflowError)
    code = 404 if isinstance(error, _NotFoundError) else 500
    code = next((code for kind, code in _CODES if isinstance(error, kind)), code)
    headers = {"Retry-After": "30"} if isinstance(error, FullError) else None
    name = request.query_params.get("name")
    return JSONResponse(_record_of(error, name), code, headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)
