"""Open-loop load: schedule, protocols, the driver process, and external commands."""
