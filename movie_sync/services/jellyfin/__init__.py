"""The media server Jellyfin."""
