"""The HTML report: one file that needs nothing else, no network and no server.

``page`` puts it together.  `report.report` gives the texts, the other modules what is drawn:
geometry in percent or pixels for tables and the heat map, numbers as JSON for the plots.
"""
