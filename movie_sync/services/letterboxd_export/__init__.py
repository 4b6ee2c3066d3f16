"""Letterboxd's account export."""
