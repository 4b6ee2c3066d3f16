"""The running process: its three threads and what they do."""
