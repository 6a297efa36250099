"""Words: what a report, a progress line or a verdict's error says; foreign text made inert."""
