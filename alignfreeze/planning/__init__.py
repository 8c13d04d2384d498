"""What a run would do, and what that takes, told without doing it."""
