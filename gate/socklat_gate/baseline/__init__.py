"""Stored campaigns and results: immutable, checksummed JSON documents in a directory.

``codec`` turns the measured objects into JSON-able bodies and checks them on the way back,
``document`` wraps a body in a versioned, checksummed envelope, ``files`` reads and writes whole
objects, ``store`` keeps campaigns by scenario and picks those that today's run may be held
against.  Whatever a file holds, reading it yields a valid object or `NoUsableBaseline`.
"""
