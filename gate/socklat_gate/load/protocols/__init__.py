"""One module a protocol: requests as bytes, and where a response ends."""
