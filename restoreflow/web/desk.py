"""Takes pictures in, has one after another restored, and keeps what came of them for a while."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from restoreflow.batch.record import Observer, explained
from restoreflow.errors import LimitError, RestoreflowError
from restoreflow.web.asked import Asked
from restoreflow.web.limits import Limits
from restoreflow.web.workshop import Made

__all__ = ["Desk", "FullError", "Maker", "Ticket"]

_IDLE_SECONDS = 30.0
"""After which the worker looks whether something is kept for too long."""


class FullError(LimitError):
    """The queue is full."""


class Maker(Protocol):
    """What restores, as `Workshop` does."""

    def warm(self) -> None:
        """Get ready."""
        ...

    def make(self, data: bytes, asked: Asked, observer: Observer) -> Made:
        """Restore a picture."""
        ...


@dataclass(eq=False)
class Ticket:
    """A picture on its way.

    Attributes:
        id: that nobody guesses; who knows it may fetch the result.
        number: counts the server's pictures, from 1.
        status: where it is.
        done, total: tiles that are restored, and all of them; 0 before it is known.
        made: what came of it.
        error: why it failed.
        over: set when it is done, failed or dropped.
    """

    asked: Asked
    data: bytes
    number: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    status: Literal["queued", "running", "done", "failed"] = "queued"
    done: int = 0
    total: int = 0
    made: Made | None = None
    error: RestoreflowError | None = None
    over: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False
    ended: float = 0.0

    @property
    def bytes(self) -> int:
        """That its results take."""
        return 0 if self.made is None else sum(len(file.data) for file in self.made.files)


class _Dropped(Exception):
    """Nobody waits for the result any more."""


class _Watched(Observer):
    looks = True

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def advance(self, done: int, total: int) -> None:
        """Note how far it is."""
        if self._ticket.dropped:
            raise _Dropped
        self._ticket.done, self._ticket.total = done, total


class Desk:
    """A queue, a worker, and a shelf of results; all of it in memory.

    Its methods may be called by any thread.

    Args:
        maker: what restores; called by the worker alone.
        limits: the server's.
        clock: seconds that only grow.
    """

    def __init__(
        self, maker: Maker, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._maker, self._limits, self._clock = maker, limits, clock
        self._waiting: deque[Ticket] = deque()
        self._shelf: dict[str, Ticket] = {}
        self._count = 0
        self._closed = False
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="restoreflow-app", daemon=True)

    def open(self) -> None:
        """Begin to work."""
        self._worker.start()

    def close(self) -> None:
        """Drop everything; returns when the worker has ended, a tile later at most."""
        with self._changed:
            self._closed = True
            for ticket in list(self._shelf.values()):
                self._drop(ticket)
            self._changed.notify_all()
        if self._worker.is_alive():
            self._worker.join()

    def submit(self, data: bytes, asked: Asked) -> Ticket:
        """Take a picture in.

        Raises:
            FullError: too many wait.
        """
        with self._changed:
            self._tidy()
            if self._closed or len(self._waiting) >= self._limits.queue:
                raise FullError(
                    f"{len(self._waiting)} pictures are waiting already", "try again in a minute"
                )
            self._count += 1
            ticket = Ticket(asked, data, self._count)
            self._shelf[ticket.id] = ticket
            self._waiting.append(ticket)
            self._changed.notify()
            return ticket

    def find(self, id: str) -> Ticket | None:
        """The ticket of an id; None where it is unknown, dropped, or kept no longer."""
        with self._changed:
            self._tidy()
            return self._shelf.get(id)

    def ahead(self, ticket: Ticket) -> int:
        """How many are restored before it."""
        with self._changed:
            running = sum(each.status == "running" for each in self._shelf.values())
            place = self._waiting.index(ticket) if ticket in self._waiting else 0
            return place + running if ticket.status == "queued" else 0

    def drop(self, ticket: Ticket) -> None:
        """Forget a picture and what came of it; if it is being restored, that ends."""
        with self._changed:
            self._drop(ticket)

    def _drop(self, ticket: Ticket) -> None:
        ticket.dropped, ticket.made, ticket.data = True, None, b""
        self._shelf.pop(ticket.id, None)
        with contextlib.suppress(ValueError):
            self._waiting.remove(ticket)
        ticket.over.set()

    def _tidy(self) -> None:
        """Let go what nobody fetched in time, and the oldest where there is too much."""
        over = [each for each in self._shelf.values() if each.over.is_set()]
        over.sort(key=lambda ticket: ticket.ended)
        late = self._clock() - self._limits.kept_seconds
        size = sum(ticket.bytes for ticket in over)
        for ticket in over:
            if ticket.ended < late or (size > self._limits.kept_bytes and ticket is not over[-1]):
                size -= ticket.bytes
                self._drop(ticket)

    def _work(self) -> None:
        # If the usual model cannot be loaded, whoever asks for it is told.
        with contextlib.suppress(RestoreflowError):
            self._maker.warm()
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait(_IDLE_SECONDS)
                    self._tidy()
                if self._closed:
                    return
                ticket = self._waiting.popleft()
                ticket.status = "running"
            self._make(ticket)

    def _make(self, ticket: Ticket) -> None:
        made, error = None, None
        try:
            made = self._maker.make(ticket.data, ticket.asked, _Watched(ticket))
        except _Dropped:
            return
        except Exception as reason:
            error = explained(reason)
        with self._changed:
            if ticket.dropped:
                return
            ticket.data, ticket.made, ticket.error = b"", made, error
            ticket.status = "done" if error is None else "failed"
            ticket.ended = self._clock()
            ticket.over.set()
            self._tidy()
