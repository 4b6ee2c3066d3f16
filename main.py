"""Start Movie Sync: `python main.py [COMMAND] [OPTIONS]`."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one does not understand what comes
        sys.stderr.write("movie-sync: Python 3.11 or newer is needed; this is %s.\n" % sys.version.split()[0])  # noqa: UP031
        sys.exit(2)
    try:
        from movie_sync.cli import main

        code = main()
    except KeyboardInterrupt:  # before anything was begun
        code = 130
    sys.exit(code)
