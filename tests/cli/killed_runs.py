"""Runs command lines in children that kill themselves at a step of their work, one a moment.

Started as a program of its own, so that forking is safe: nothing was computed yet. For each moment
from 1 on, a child runs the command with {out} replaced by a new folder's name and is killed before
its so-many-th call of a function that changes or flushes files; then another goes on undisturbed.
Ends after the first moment that came too late to kill anything; prints how many there were.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

STEPS = ("open", "write", "fsync", "link", "replace", "rename", "unlink", "mkdir")


def kill_before(moment: int) -> None:
    """Have this process killed before its so-many-th step."""
    lock = threading.Lock()
    done = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*values: Any, **named: Any) -> Any:
            nonlocal done
            with lock:
                done += 1
                if done == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*values, **named)

        return step

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def run(words: list[str], moment: int | None) -> int:
    """The command's exit code in a child; -9 where it was killed."""
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        from restoreflow.cli.app import main

        if moment is not None:
            kill_before(moment)
        try:
            main(words)
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 1)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def each_moment(template: list[str], base: str) -> int:
    """Kill at every moment; how many there were."""
    moment = 0
    while True:
        moment += 1
        killed, resumed = (f"{base}/{name}-{moment}" for name in ("killed", "resumed"))
        words = [word.replace("{out}", killed) for word in template]
        code = run(words, moment)
        copy_tree(killed, resumed)
        if code != -signal.SIGKILL:
            assert code == 0, code
            return moment - 1
        assert run([word.replace("{out}", resumed) for word in template], None) == 0


def copy_tree(source: str, target: str) -> None:
    if os.path.isdir(source):
        shutil.copytree(source, target)


def preload() -> None:
    """Import whatever a run imports, once for all children."""
    import torch

    import restoreflow.batch.arrays
    import restoreflow.batch.run
    import restoreflow.cli.app
    import restoreflow.models.resolve
    import restoreflow.models.weights
    import restoreflow.networks.residual
    import restoreflow.networks.restoration_network
    import restoreflow.restoration.restorer

    torch.set_num_threads(1)
    with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        restoreflow.cli.app.main(["sr", "nothing", "--tile", "1"])


if __name__ == "__main__":
    preload()
    print(each_moment(sys.argv[2:], sys.argv[1]))
