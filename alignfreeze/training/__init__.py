"""The training loop, its batches, checkpoints and devices."""
