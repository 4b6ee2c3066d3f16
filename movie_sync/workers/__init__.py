"""The two threads that do the work."""
