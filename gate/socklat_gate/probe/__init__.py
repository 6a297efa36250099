"""The kernel side: BCC, hooks chosen per kernel, and reading what they aggregated."""
