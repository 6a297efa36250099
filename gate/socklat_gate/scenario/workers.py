"""The type of ``load.workers``: a number of processes, or as many as the rate needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from socklat_gate.scenario.number_or_auto import NUMBER, NUMBER_OR_AUTO, Auto

__all__ = ["Workers"]

MOST = 32
"""The probe has room for 64 processes of a load."""

Workers = Annotated[Annotated[int, Field(ge=1, le=MOST), NUMBER] | Auto, NUMBER_OR_AUTO]
