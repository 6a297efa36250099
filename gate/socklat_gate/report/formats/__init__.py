"""One module a format: from a result to a file that a person or a machine reads."""
