"""All kinds of files that `init` makes requests of: one module and one line here each."""

from __future__ import annotations

from socklat_gate.init.traffic.access_log import ACCESS_LOG
from socklat_gate.init.traffic.har import HAR
from socklat_gate.init.traffic.openapi import OPENAPI
from socklat_gate.init.traffic.source import TrafficSource

__all__ = ["SOURCES"]

SOURCES: tuple[TrafficSource, ...] = (OPENAPI, HAR, ACCESS_LOG)
