"""The built-in freezing strategies, one file each."""
