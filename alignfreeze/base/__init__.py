"""What any program needs: progress, signals, threads, caches, digests."""
