"""The protocols of the load: one module each, listed in `registry`."""
