"""The command `restoreflow`, also as `python -m restoreflow`.

Nothing is imported before Ctrl-C is one line.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process, and end it."""
    try:
        from restoreflow.cli.startup import mend_streams, watch_interrupts

        watch_interrupts()
        mend_streams()
        from restoreflow.cli.app import main as command

        try:
            command()
        finally:
            watch_interrupts(at_once=True)
    except KeyboardInterrupt:
        from restoreflow.cli.startup import quit_interrupted

        quit_interrupted()


if __name__ == "__main__":
    main()
