"""Beautiful Soup, loaded without what it doesn't need here: two megabytes."""

import sys
import types
import typing

# What it loads for CSS selectors: pages are read without them.
sys.modules.setdefault("soupsieve", types.ModuleType("soupsieve"))
_EXTENSIONS = "typing_extensions"
# It wants a few names of this library that Python has itself by now; who else loads it gets the real one.
_is_there = _EXTENSIONS in sys.modules
sys.modules.setdefault(_EXTENSIONS, typing)
try:
    from bs4 import BeautifulSoup, Tag
    from bs4.filter import SoupStrainer
except ImportError:  # another version wants more names
    del sys.modules[_EXTENSIONS]
    from bs4 import BeautifulSoup, Tag
    from bs4.filter import SoupStrainer
finally:
    if not _is_there and sys.modules.get(_EXTENSIONS) is typing:
        del sys.modules[_EXTENSIONS]

__all__ = ["BeautifulSoup", "SoupStrainer", "Tag"]
