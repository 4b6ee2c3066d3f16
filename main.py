"""Start Movie Sync: `python main.py [COMMAND] [OPTIONS]`."""

import sys

if __name__ == "__main__":
    try:
        from movie_sync.cli import main

        code = main()
    except KeyboardInterrupt:  # before anything was begun
        code = 130
    sys.exit(code)
