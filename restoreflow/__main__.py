"""`python -m restoreflow` is the command `restoreflow`."""

from restoreflow.cli.app import main

if __name__ == "__main__":
    main()
