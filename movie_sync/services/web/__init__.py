"""The page: its settings, and the password for it."""
