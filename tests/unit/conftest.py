"""Puts this directory on the import path, so that every unit test can import `factories`."""
