"""Realignment: the objective, its pairs, the phase, the frozen prefix."""
