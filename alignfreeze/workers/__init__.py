"""A queue of trials that many machines share, and what starts its workers."""
