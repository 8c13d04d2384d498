"""The built-in word aligners, one file each."""
