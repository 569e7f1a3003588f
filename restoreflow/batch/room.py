"""A limit on how much several threads hold at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Room"]


class Room:
    """Lets threads in by their turn while there is room, and one at least.

    Turns are taken in order from 0, each once: so the one that is needed next is never kept out by
    others that wait for it. For the same reason the earliest of those inside always gets more.

    Args:
        most: how much may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[int, int] = {}
        self._turn = 0
        self._closed = False
        self._change = threading.Condition()

    def enter(self, turn: int, amount: int) -> bool:
        """Wait for the turn and for room; False if the room was closed meanwhile."""

        def ready() -> bool:
            return turn == self._turn and self._fits(amount, not self._held)

        with self._change:
            if not self._wait(ready):
                return False
            self._turn += 1
            self._held[turn] = amount
            self._change.notify_all()
            return True

    def enlarge(self, turn: int, amount: int) -> bool:
        """Wait for room for as much more, within; False if the room was closed meanwhile."""

        def ready() -> bool:
            return self._fits(amount, min(self._held) == turn)

        with self._change:
            if not self._wait(ready):
                return False
            self._held[turn] += amount
            return True

    def settle(self, turn: int, amount: int) -> None:
        """Hold so much from now on, and no more."""
        with self._change:
            self._held[turn] = amount
            self._change.notify_all()

    def leave(self, turn: int) -> None:
        """Give back all that a turn holds."""
        with self._change:
            self._held.pop(turn, None)
            self._change.notify_all()

    def close(self) -> None:
        """Let all go that wait."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _fits(self, amount: int, first: bool) -> bool:
        return first or not amount or sum(self._held.values()) + amount <= self._most

    def _wait(self, ready: Callable[[], bool]) -> bool:
        self._change.wait_for(lambda: self._closed or ready())
        return not self._closed
