"""A limit on how many pixels several threads hold at once."""

from __future__ import annotations

import threading

__all__ = ["Room"]


class Room:
    """Lets threads in by their turn while there is room, and one at least.

    Turns are taken in order from 0, each once: so the one that is needed next is never kept out by
    others that wait for it.

    Args:
        most: how much may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._turn = 0
        self._closed = False
        self._change = threading.Condition()

    def enter(self, turn: int, amount: int) -> bool:
        """Wait for the turn and for room; False if the room was closed meanwhile."""

        def fits() -> bool:
            free = not self._held or self._held + amount <= self._most
            return self._closed or (turn == self._turn and (free or not amount))

        with self._change:
            self._change.wait_for(fits)
            if self._closed:
                return False
            self._turn += 1
            self._held += amount
            self._change.notify_all()
            return True

    def leave(self, amount: int) -> None:
        """Give back what was entered with."""
        with self._change:
            self._held -= amount
            self._change.notify_all()

    def close(self) -> None:
        """Let all go that wait."""
        with self._change:
            self._closed = True
            self._change.notify_all()
