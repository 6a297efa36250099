"""How much of a response is searched: what the load's worker knows without the models."""

from __future__ import annotations

__all__ = ["SEARCHED_BYTES"]

SEARCHED_BYTES = 65_536
"""So much of a body's beginning is kept to look for what `load.expect` names."""
