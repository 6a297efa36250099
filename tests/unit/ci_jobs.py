"""Jobs of CI systems, as their variables describe them."""

from __future__ import annotations

from socklat_gate.ci_variables import SYSTEMS

__all__ = ["CI_NAMES"]

CI_NAMES = sorted(
    {
        name
        for system in SYSTEMS
        for sources in (system.signs, system.commit, system.branch, system.target, system.number)
        for name, _ in sources
    }
)
"""Variables that say which system a job is of, and which code it is about."""
