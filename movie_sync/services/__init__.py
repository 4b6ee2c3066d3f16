"""One folder for each outside thing; none knows another."""

import movie_sync.net  # noqa: F401 - before any of them loads requests
