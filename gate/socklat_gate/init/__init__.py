"""The first scenario: what an image declares, the protocol detected, and a socklat.toml of both."""
