"""MLflow: runs, the store, and the names of what is in it."""
