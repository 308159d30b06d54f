"""Entry point of `python -m neuraxis`, equivalent to the command `neuraxis`."""

from neuraxis.app.cli import main

main()
