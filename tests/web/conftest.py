"""A real server on a port of its own, with a tiny model in the place of the bundled ones."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import uvicorn
from PIL import Image

from restoreflow.batch.record import Observer
from restoreflow.errors import InputError
from restoreflow.models import resolve
from restoreflow.restoration.restorer import load_model
from restoreflow.web.asked import Asked
from restoreflow.web.limits import Limits
from restoreflow.web.server import application
from restoreflow.web.workshop import Made, Workshop
from tests.cli.conftest import save_tiny


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def record(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks a server."""

    port: int
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def finished(self, path: str, body: bytes) -> dict[str, Any]:
        """The record of a picture when it is through."""
        state = self("POST", path, body).record
        while state["status"] in ("queued", "running"):
            state = self("GET", f"/api/restorations/{state['id']}").record
        return state


def photo(format: str = "JPEG", size: tuple[int, int] = (16, 12), **options: Any) -> bytes:
    """A small file with a gradient and a date."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    levels = np.stack([rows * 9, columns * 7, (rows * 5 + columns * 3) % 256], axis=-1)
    image = Image.fromarray((levels % 256).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0132], exif[0x0112] = "2021:05:06 07:08:09", 1
    buffer = io.BytesIO()
    image.save(buffer, format, exif=exif, **options)
    return buffer.getvalue()


class Slow:
    """A maker that works until it is let go, and says when it has begun."""

    folders: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def warm(self) -> None: ...

    def check(self, asked: Asked) -> None: ...

    def make(self, data: bytes, asked: Asked, observer: Observer) -> Made:
        self.begun.release()
        done = 0
        while not self.go.wait(0.01):
            observer.advance(done := done + 1, 1000)
        raise InputError("this one never is done")


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled models with small random "sr-x2" and "sr-x4"."""
    bundle = tmp_path_factory.mktemp("weights")
    save_tiny(bundle, 4)
    save_tiny(bundle, 2)
    return bundle


@contextmanager
def running(limits: Limits, workshop: Any = None, local: bool = True) -> Iterator[Client]:
    load = partial(load_model, device="cpu", precision="float32")
    app = application(workshop or Workshop(["sr-x4", "sr-x2"], limits, load), limits, local)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield Client(bound.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def bundled(tiny_models: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve, "_bundle", lambda: tiny_models)
        yield tiny_models


@pytest.fixture(scope="module")
def client(bundled: Path) -> Iterator[Client]:
    """A server for all tests of a file; none of them leaves it another."""
    with running(Limits(bytes=200_000, pixels=4000, samples=4)) as client:
        yield client
