"""Requests to a code host's REST API, whichever it is: bounded, patient, silent about tokens."""
