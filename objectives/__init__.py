"""The built-in objectives of realignment, one file each."""
