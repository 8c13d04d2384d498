"""What the cache holds, by kind, and which of it nobody needs any more."""
