"""Which containers of the arms were frozen during a measurement."""

from __future__ import annotations

from collections.abc import Sequence

from socklat_gate.measured.facts import Note, NoteCode
from socklat_gate.service.arm import RunningArm
from socklat_gate.service.freezer import FreezeMeter

__all__ = ["Freezes"]


class Freezes:
    """Watches the arms and the other containers of their stacks, from now on."""

    def __init__(self, arms: Sequence[RunningArm]) -> None:
        self._meters = {(arm.label, ""): FreezeMeter(arm.pid) for arm in arms}
        for arm in arms:
            for companion in arm.companions:
                self._meters[arm.label, companion.name] = FreezeMeter(companion.pid)

    def poll(self) -> None:
        """To be called several times a second."""
        for meter in self._meters.values():
            meter.poll()

    def note(self) -> Note | None:
        """What was frozen for longest; None when nothing was."""
        (arm, name), meter = max(self._meters.items(), key=lambda item: item[1].frozen_s)
        if not meter.frozen_s:
            return None
        return Note(NoteCode.FROZEN, arm, {"container": name, "frozen_s": meter.frozen_s})
