"""Word alignment and drift, layer by layer."""
