"""How sets of CPUs are written, for the service and for the load."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

__all__ = ["CpuSet"]

CpuSet = Annotated[str, Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$", examples=["0", "0-1,3"])]
