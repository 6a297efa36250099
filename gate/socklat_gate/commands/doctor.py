"""``socklat-gate doctor``."""

from __future__ import annotations

import time

from socklat_gate.commands.help import command
from socklat_gate.errors import Exit

__all__ = ["doctor"]

_STYLE = {"ok": "green", "warn": "yellow", "fail": "red"}


@command()
def doctor() -> int:
    """Check what works on this machine, one line and one remedy each.

    Exits with 3 when the gate could not run here.

    For instance:

        sudo socklat-gate doctor
    """
    from rich.console import Console
    from rich.markup import escape

    from socklat_gate.doctor import Status, diagnose

    console = Console(highlight=False, soft_wrap=True, emoji=False)
    failed = False
    for check in diagnose(time.sleep):
        style = _STYLE[check.status.value]
        label = f"[{style}]{check.status.value:<5}[/]"
        console.print(f"{label} {check.name:<16} {escape(check.found)}")
        if check.remedy:
            console.print(f"      {'':<16} -> {escape(check.remedy)}")
        failed = failed or check.status is Status.FAIL
    if failed:
        console.print("this machine cannot run the gate yet: see the lines marked fail")
    return int(Exit.UNFIT_ENVIRONMENT if failed else Exit.PASS)
