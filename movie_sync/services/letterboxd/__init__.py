"""Letterboxd's pages."""
