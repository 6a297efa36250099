"""``python -m gate``: the same as the command socklat-gate."""

from gate.cli import main

main()
