"""Pure statistics: from per-run quantiles to a three-way outcome.  No I/O, no Docker, no BPF."""
