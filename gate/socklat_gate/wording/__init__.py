"""Sentences of reports, progress lines and errors of a verdict; escaping of untrusted text."""
