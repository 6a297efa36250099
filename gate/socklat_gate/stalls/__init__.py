"""Latency as it would have been on a machine of one's own: stalls held against every exchange.

Pure: what the probe logged comes in as arrays, corrected histograms go out.
"""
