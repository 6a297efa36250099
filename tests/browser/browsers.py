"""Which browser there is."""

from __future__ import annotations

import shutil

__all__ = ["BROWSERS", "browser_path"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_path() -> str | None:
    """Path of the first of `BROWSERS` that is installed."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((path for path in found if path), None)
