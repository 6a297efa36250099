"""The gate on GitHub: a step's output to its runner, comments, checks, and forks.

Nothing here measures, or imports docker or bcc: the commands of ``socklat-gate github`` call it.
"""
