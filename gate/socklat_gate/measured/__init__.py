"""The objects that flow from measurement to verdict and report; no I/O, no statistics."""
