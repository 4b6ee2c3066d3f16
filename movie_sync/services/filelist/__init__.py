"""FileList's JSON API."""
