"""TMDB: what is known of films apart from Letterboxd."""
