"""Faults that commands are struck with, and what has to come of them."""
