"""Runs a command line in a process of limited memory, with the models of a folder as bundled ones.

python limited_run.py MEBIBYTES MODELS WORDS...
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

if __name__ == "__main__":
    most = int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))

    from restoreflow.cli.app import main
    from restoreflow.models import resolve

    resolve._bundle = lambda: Path(sys.argv[2])
    main(sys.argv[3:])
