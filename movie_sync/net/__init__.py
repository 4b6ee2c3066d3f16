"""HTTP as all services use it."""
