"""The built-in tasks, one file or folder each."""
