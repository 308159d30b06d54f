"""`python -m neuraxis` is the program `neuraxis`."""

from neuraxis.app.cli import main

main()
