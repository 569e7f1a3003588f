"""Runs command lines in children, all at once; prints their exit codes as JSON.

python runs_at_once.py MODELS COMMANDS, with a folder of models as the bundled ones and a JSON list
of command lines. Started as a program of its own, so that forking is safe: nothing was computed
yet. The children wait for each other before they begin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from restoreflow.cli.app import main
from restoreflow.models import resolve
from tests.cli.killed_runs import preload


def start(words: list[str], gate: tuple[int, int]) -> int:
    """A child that runs a command line when the gate's other end is closed."""
    child = os.fork()
    if child:
        return child
    os.close(gate[1])
    os.read(gate[0], 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        main(words)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(1)


if __name__ == "__main__":
    preload()
    resolve._bundle = lambda: Path(sys.argv[1])
    gate = os.pipe()
    children = [start(words, gate) for words in json.loads(sys.argv[2])]
    os.close(gate[1])
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children]))
