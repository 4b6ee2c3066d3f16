"""The media server Plex."""
