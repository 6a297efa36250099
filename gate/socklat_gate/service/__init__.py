"""The service under test: images resolved, containers started, watched and removed (Docker SDK)."""
