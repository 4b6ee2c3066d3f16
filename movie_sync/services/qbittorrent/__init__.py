"""qBittorrent's web API."""
