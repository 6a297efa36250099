"""``python -m socklat_gate``: the same as the command socklat-gate."""

from socklat_gate.cli import main

main()
