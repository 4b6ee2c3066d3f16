"""The three queues and the list of removed films, on disk."""
