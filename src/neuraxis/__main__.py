"""`python -m neuraxis` is the program `neuraxis`."""

from neuraxis.cli import main

main()
