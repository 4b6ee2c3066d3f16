"""What is going on, as values and as lines."""
