"""The first scenario: what an image says of itself, what it answers, and a socklat.toml of both."""
