"""``socklat-gate trace``: the latency of a running container, process or port; no scenario."""
