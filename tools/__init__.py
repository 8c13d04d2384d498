"""What makes files that the project ships; not in the package."""
