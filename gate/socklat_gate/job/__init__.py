"""A measuring job, from two images to a result: containers, load, probe, verdict, until decided."""
