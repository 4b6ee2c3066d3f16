"""Run Movie Sync with `python -m movie_sync`."""

import sys

from movie_sync.cli import main

if __name__ == "__main__":
    sys.exit(main())
