"""Where baselines lie: a directory, a branch of a git repository, or an object store.

`place.Place` is what the rest of the program knows of them; ``location`` chooses one by its
location as the command line gives it.
"""
