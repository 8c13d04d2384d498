"""Fine-tuning, prediction, scores and their statistics."""
