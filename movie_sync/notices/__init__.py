"""Telling the user what happened: his own command, notices, and the refresh of media servers."""
