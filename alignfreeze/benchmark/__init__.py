"""Grids of runs, models x strategies x tasks x seeds: planned, worked off, gone on with."""
