"""Where baselines are kept, and which of them a measurement is compared with.

``places`` are where documents lie, ``store`` keeps campaigns in one by scenario; ``comparability``
and ``choice`` select those that today's measurement may be compared with; ``promotion`` keeps red
numbers out, ``pruning`` finds what a place can do without; ``calibrations`` lie beside the
campaigns, ``table`` is all of them for DuckDB.  How a document is written is `documents`' work.
"""
