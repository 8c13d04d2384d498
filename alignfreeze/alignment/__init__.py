"""Parallel text: cleaned, aligned, kept in shards, exported."""
