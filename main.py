"""Start Movie Sync: `python main.py [COMMAND] [OPTIONS]`."""

import sys

from movie_sync.cli import main

if __name__ == "__main__":
    sys.exit(main())
