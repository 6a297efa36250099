"""Reports for people and machines from one `measured.result.Result`: no measuring, no deciding.

``view`` prepares every shown text as plain frozen data; ``markdown`` and its template lay it out;
``verdict_json`` and ``schema`` are the machine-readable contract; ``writer`` puts the files down.
"""
