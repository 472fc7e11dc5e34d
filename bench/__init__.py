"""`make bench`: how fast and how large, as ratios within one run."""
