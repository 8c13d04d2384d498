"""Search over where to freeze and at which temperature, with Optuna."""
