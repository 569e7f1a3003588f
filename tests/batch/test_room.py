"""No more is held than fits, and nobody waits for ever."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from restoreflow.batch.pipeline import Room


def test_never_more_than_fits_but_one_at_least() -> None:
    room, lock = Room(10), threading.Lock()
    amounts = [random.Random(turn).choice([0, 1, 4, 9, 10, 25]) for turn in range(200)]
    held: dict[int, int] = {}
    order: list[int] = []

    def visit(turn: int) -> None:
        assert room.enter(turn, amounts[turn])
        with lock:
            order.append(turn)
            held[turn] = amounts[turn]
            assert sum(held.values()) <= 10 or sum(each > 0 for each in held.values()) == 1
        time.sleep(0.0005)
        with lock:
            del held[turn]
        room.leave(turn)

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


def test_the_earliest_gets_more_and_the_others_wait_for_it() -> None:
    room = Room(10)
    for turn in range(3):
        assert room.enter(turn, 3)
    with ThreadPoolExecutor(3) as pool:
        later = [pool.submit(room.enlarge, turn, 5) for turn in (1, 2)]
        assert room.enlarge(0, 100)
        time.sleep(0.02)
        assert not any(each.done() for each in later)
        room.settle(0, 1)  # 1 + 3 + 3 are held
        time.sleep(0.02)
        assert not any(each.done() for each in later)
        room.leave(0)
        assert later[0].result(timeout=20)
        assert not later[1].done()
        room.leave(1)
        assert later[1].result(timeout=20)


def test_nobody_waits_for_ever_for_more() -> None:
    room = Room(10)

    def visit(turn: int) -> None:
        draw = random.Random(turn)
        assert room.enter(turn, draw.choice([0, 1, 4, 12]))
        assert room.enlarge(turn, draw.choice([0, 3, 9, 30]))
        room.settle(turn, draw.choice([0, 2]))
        room.leave(turn)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(visit, turn) for turn in range(300)]:
            done.result(timeout=20)
