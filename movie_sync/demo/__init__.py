"""Stand-ins for Letterboxd and FileList on loopback, and the demo that runs against them."""
