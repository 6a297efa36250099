"""How measured objects are stored: envelope, codec, limits, atomic files, HDR histograms."""
