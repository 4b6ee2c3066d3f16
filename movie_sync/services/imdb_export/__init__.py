"""Lists exported from IMDb."""
