"""An end to waiting for a store that does not answer, or answers a byte at a time.

Clients of stores have timeouts of their own, or none, and those begin anew with every byte. Here a
request has a time in which all of it is over. What is read is read in blocks, each asked for again
where it did not come, so that a large object is gone on with and not begun anew. One that stays
silent is given up without being asked for each of ten thousand files.
"""

from __future__ import annotations

import errno
import io
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = [
    "BLOCK",
    "LISTING_SECONDS",
    "TRIES",
    "NoAnswerError",
    "RemoteStream",
    "Watch",
    "watch_of",
]

ANSWER_SECONDS = 30.0
"""What a request may take before the first byte."""

LISTING_SECONDS = 600.0
"""What finding all names below a place may take."""

SLOWEST = 2**14
"""Bytes a second below which a store counts as silent."""

BLOCK = 2**21
"""Bytes that are read at once."""

TRIES = 3
"""How often is asked for what may be asked for again without harm."""

MOST_MISSES = 6
"""Requests in a row without an answer; then, for `ANSWER_SECONDS`, there are no more."""

_T = TypeVar("_T")
_FOR_GOOD = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError)


class NoAnswerError(TimeoutError):
    """A store did not answer in time."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.ETIMEDOUT, reason)


class Watch:
    """What is known of a store's answers; all of its methods may be called from many threads.

    A request runs in a thread of its own, since clients cannot be interrupted: the one of a request
    that is given up stays with it, and ends with the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._misses = 0
        self._last = 0.0

    def ask(
        self,
        request: Callable[[], _T],
        size: int = 0,
        seconds: float | None = None,
        tries: int = 1,
    ) -> _T:
        """A request's answer.

        Args:
            size: bytes that it sends or fetches.
            seconds: it may take beside those; None: `ANSWER_SECONDS`.
            tries: how often it is made in all, where it fails for a reason that may pass.

        Raises:
            NoAnswerError: it takes longer, or the store has not answered several in a row.
            Exception: whatever the request raises.
        """
        for _ in range(tries - 1):
            try:
                return self._once(request, size, seconds)
            except _FOR_GOOD:
                raise
            except OSError:
                continue
        return self._once(request, size, seconds)

    def _once(self, request: Callable[[], _T], size: int, seconds: float | None) -> _T:
        self._refuse_silent()
        most = (ANSWER_SECONDS if seconds is None else seconds) + size / SLOWEST
        call = _Call(request)
        thread = threading.Thread(target=call.run, name="restoreflow-store", daemon=True)
        thread.start()
        over = call.over.wait(most)
        with self._lock:
            self._misses = 0 if over else self._misses + 1
            self._last = time.monotonic()
        if not over:
            raise NoAnswerError(f"the store does not answer within {most:.3g} seconds")
        return call.answer()

    def _refuse_silent(self) -> None:
        with self._lock:
            silent = self._misses >= MOST_MISSES
            if silent and time.monotonic() - self._last < ANSWER_SECONDS:
                raise NoAnswerError(f"the store has not answered {self._misses} times in a row")


class RemoteStream(io.RawIOBase):
    """An object that is read in blocks under a watch.

    Args:
        watch: of its store.
        opened: opens it, as a file of the store's client; again where a block did not come.
        size: bytes.
        changed: whether it is another object by now, asked after more than one block.
    """

    def __init__(
        self, watch: Watch, opened: Callable[[], Any], size: int, changed: Callable[[], bool]
    ) -> None:
        self._watch, self._opened, self._changed = watch, opened, changed
        self._file: Any = None
        self._place = 0
        self._blocks = 0
        self.size = size

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; nothing is asked of the store."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """The next bytes, up to `BLOCK` of them, and only fewer than asked for at the end.

        Raises:
            OSError: they do not come, or are another object's.
        """
        start, wanted = self._place, min(len(buffer), BLOCK, max(self.size - self._place, 0))
        if not wanted:
            return 0
        data = self._watch.ask(lambda: self._block(start, wanted), wanted, tries=TRIES)
        buffer[:wanted] = data
        self._place += wanted
        self._blocks += 1
        if self._blocks > 1 and self._place == self.size and self._changed():
            raise OSError(errno.EIO, "it was replaced while it was read")
        return wanted

    def _block(self, start: int, wanted: int) -> bytes:
        # The file of a request that was given up is still being read from: it is not touched again.
        file, self._file = self._file, None
        file = self._opened() if file is None else file
        file.seek(start)
        data = bytes(file.read(wanted))
        if len(data) != wanted:
            raise OSError(errno.EIO, f"{len(data)} of {wanted} bytes came from the store")
        self._file = file
        return data


class _Call:
    """A request on its way through a thread."""

    def __init__(self, request: Callable[[], Any]) -> None:
        self._request = request
        self._result: Any = None
        self._error: BaseException | None = None
        self.over = threading.Event()

    def run(self) -> None:
        try:
            self._result = self._request()
        except BaseException as error:
            self._error = error
        finally:
            self.over.set()

    def answer(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result


_watches: dict[str, Watch] = {}


def watch_of(store: str) -> Watch:
    """The watch of a store, as "s3://bucket"; the same each time."""
    return _watches.setdefault(store, Watch())
