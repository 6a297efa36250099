"""Where baselines lie: a directory, a branch of a git repository, or an object store.

`interface.Place` is what the rest of the program knows of them; ``opening`` chooses one by its
location as the command line gives it.
"""
