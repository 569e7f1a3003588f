"""What is kept, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from restoreflow.batch.record import Observer
from restoreflow.batch.results import ResultFile
from restoreflow.web.asked import Asked
from restoreflow.web.desk import Desk, Ticket
from restoreflow.web.limits import Limits
from restoreflow.web.workshop import Made


class _Copies:
    """Gives back what it gets."""

    def warm(self) -> None: ...

    def make(self, data: bytes, asked: Asked, observer: Observer) -> Made:
        if data == b"defect":
            raise ZeroDivisionError("a defect")
        return Made({}, [ResultFile(Path("a"), data)], 1, cast("Any", None), None)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _through(desk: Desk, data: bytes) -> Ticket:
    ticket = desk.submit(data, Asked())
    assert ticket.over.wait(10)
    return ticket


def test_results_go_when_their_time_is_over() -> None:
    clock = _Clock()
    desk = Desk(_Copies(), Limits(kept_seconds=60), clock)
    desk.open()
    ticket = _through(desk, b"1")
    clock.now = 59
    assert desk.find(ticket.id) is ticket and ticket.made is not None
    clock.now = 61
    assert desk.find(ticket.id) is None and ticket.made is None
    desk.close()


def test_the_oldest_go_where_there_is_too_much() -> None:
    clock = _Clock()
    desk = Desk(_Copies(), Limits(kept_bytes=100), clock)
    desk.open()
    tickets: list[Ticket] = []
    for size in (40, 40, 40, 500):
        clock.now += 1
        tickets.append(_through(desk, b"x" * size))
    kept = [desk.find(ticket.id) is not None for ticket in tickets]
    assert kept == [False, False, False, True]  # the last, however large
    desk.close()


def test_a_defect_ends_one_picture_alone() -> None:
    desk = Desk(_Copies(), Limits())
    desk.open()
    bad, good = _through(desk, b"defect"), _through(desk, b"good")
    assert bad.error is not None and "ZeroDivisionError" in bad.error.message
    assert good.status == "done" and good.data == b""  # the input is let go
    desk.close()
    assert desk.find(good.id) is None
