"""No more is held than fits, and nobody waits for ever."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from restoreflow.batch.room import Room


def test_never_more_than_fits_but_one_at_least() -> None:
    room, lock = Room(10), threading.Lock()
    amounts = [random.Random(turn).choice([0, 1, 4, 9, 10, 25]) for turn in range(200)]
    held: list[int] = []
    order: list[int] = []

    def visit(turn: int) -> None:
        assert room.enter(turn, amounts[turn])
        with lock:
            order.append(turn)
            held.append(amounts[turn])
            assert sum(held) <= 10 or sum(each > 0 for each in held) == 1
        time.sleep(0.0005)
        with lock:
            held.remove(amounts[turn])
        room.leave(amounts[turn])

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(visit, turn) for turn in range(200)]:
            done.result(timeout=20)
    assert sorted(order) == list(range(200))


def test_closing_lets_all_go() -> None:
    room = Room(1)
    assert room.enter(0, 1)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(room.enter, turn, 1) for turn in (1, 2)]
        room.close()
        assert [each.result(timeout=20) for each in waiting] == [False, False]
