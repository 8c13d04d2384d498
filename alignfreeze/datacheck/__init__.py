"""A whole data folder, read as a run would read it: what it holds, and what is wrong with it."""
