"""An end to waiting for a Hub that does not answer, or answers a byte at a time.

The Hub's client has timeouts for some of its requests, and those begin anew with every byte; a
server that asks it to come back tomorrow is obeyed. Here all requests of a call are watched
together: while any is under way, something has to move.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# (the client's HTTP library is one or another by its version, and so has no types here)

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

__all__ = ["HubStalledError", "watched"]

STALL_SECONDS = 30.0
"""How long requests may be under way without the head of an answer, or `LEAST_BYTES`; then they
are cut off, and the client may ask again and go on from where it was."""

LEAST_BYTES = 2**16
MOST_STALLS = 3
MOST_REQUESTS = 50
"""Of one file: a client that is cut off again and again goes on as often as that."""

_NO_ANSWER = tuple(
    f"{step}.failed"
    for step in ("connect_tcp", "start_tls", "request_headers", "request_body", "response_headers")
)
_COME_BACK = ("retry-after", "ratelimit")


class HubStalledError(Exception):
    """A call was given up."""


@contextmanager
def watched() -> Generator[None, None, None]:
    """Within, requests of the Hub's client that get nowhere end.

    Raises:
        HubStalledError: nothing moves in spite of that.
    """
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http  # pyright: ignore[reportPrivateUsage]

    usual = cast("Callable[[], Any]", cast("Any", _http)._GLOBAL_CLIENT_FACTORY)
    watch = _Watch(STALL_SECONDS)

    def client() -> Any:
        made = usual()
        hooks: dict[str, list[Any]] = made.event_hooks
        made.event_hooks = {
            "request": [*hooks.get("request", []), watch.begin],
            "response": [watch.answered, *hooks.get("response", [])],
        }
        return made

    set_client_factory(client)
    try:
        with watch:
            yield
    except HubStalledError:
        raise
    except Exception as error:
        if watch.stalls and getattr(error, "response", None) is None:
            raise HubStalledError(watch.words) from error
        raise
    finally:
        set_client_factory(usual)


class _Watch:
    """What moves on the connections of a client; a context in which a thread looks at it."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._asked: Counter[str] = Counter()
        self._under_way = 0
        self._moved = 0  # bytes since
        self._since = self._idle = time.monotonic()
        self.stalls = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="restoreflow-hub", daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, request: Any) -> None:
        """Look after a request that is about to be sent."""
        with self._lock:
            self._asked[f"{request.method} {request.url}"] += 1
            again = max(self._asked.values()) > MOST_REQUESTS
            if again:
                raise HubStalledError("cut off again and again")
            if self.stalls >= MOST_STALLS:
                raise HubStalledError(self.words)
            self._resume()
        limits = dict(request.extensions.get("timeout") or {})
        most = 2 * self._patience  # where the system alone would wait longer
        for name in ("connect", "read", "write", "pool"):
            limits[name] = min(limits.get(name) or most, most)
        request.extensions = {**request.extensions, "timeout": limits, "trace": self._trace}
        request.stream = _counting(request.stream, self._move, lambda: None)

    def answered(self, response: Any) -> None:
        """Look after the body of an answer."""
        with self._lock:
            self._since, self._moved = time.monotonic(), 0
        for name in _COME_BACK:
            response.headers.pop(name, None)
        response.stream = _counting(response.stream, self._move, self._pause)

    @property
    def words(self) -> str:
        """What became of it."""
        return f"nothing moved for {self._patience:g} seconds"

    def _resume(self) -> None:
        if not self._under_way:  # the time between two requests is not the Hub's
            self._since += time.monotonic() - self._idle
        self._under_way += 1

    def _pause(self) -> None:
        with self._lock:
            self._under_way = max(self._under_way - 1, 0)
            self._idle = time.monotonic()

    def _move(self, count: int) -> None:
        with self._lock:
            self._moved += count
            if self._moved >= LEAST_BYTES:
                self._since, self._moved, self.stalls = time.monotonic(), 0, 0

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if isinstance(found, socket.socket):
                with self._lock:
                    self._sockets.append(found)
        elif event.endswith(_NO_ANSWER):
            self._pause()

    def _look(self) -> None:
        while not self._over.wait(min(1.0, self._patience / 4)):
            with self._lock:
                waited = time.monotonic() - self._since
                if not self._under_way or waited < self._patience:
                    continue
                self.stalls += 1
                self._since, self._moved = time.monotonic(), 0
                for each in self._sockets:
                    with contextlib.suppress(OSError, ValueError):
                        each.shutdown(socket.SHUT_RDWR)  # who reads from it wakes up
                self._sockets.clear()


def _counting(stream: Any, passed: Callable[[int], None], end: Callable[[], None]) -> Any:
    """The same stream of bytes, of the same kind, that tells what passes."""

    class Counting(type(stream)):  # pyright: ignore[reportUntypedBaseClass]  # the client wants one of its library's own
        def __init__(self) -> None:
            pass

        def __iter__(self) -> Iterator[bytes]:
            for block in stream:
                passed(len(block))
                yield block

        def close(self) -> None:
            try:
                if hasattr(stream, "close"):
                    stream.close()
            finally:
                end()

        def __getattr__(self, name: str) -> Any:
            return getattr(stream, name)

    return Counting()
