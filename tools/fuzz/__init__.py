"""Mutated inputs for all readers and all options: no exception but ours, none slow, none long."""
