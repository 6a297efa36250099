"""How measured objects are stored: envelope, codec, limits, whole files, HDR histograms."""
