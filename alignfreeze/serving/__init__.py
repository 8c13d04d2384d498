"""What saved models answer in MLflow: modules that travel with each of them.

A copy of this package, and of what it imports by relative names, lies in the folder of every saved
model, so that it answers where AlignFreeze is not installed. It imports nothing else of that.
"""
