"""Where requests come from: descriptions and records of traffic, one module a kind of file."""
