"""``socklat-gate trace``: a live look at a running container, process or port; no scenario."""
