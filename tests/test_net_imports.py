"""What other libraries load without need stays out of memory, and is there for who does need it."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_LOOK = """
import sys
import movie_sync.net.http
import movie_sync.services.letterboxd.pages
import requests
assert not {"idna.core", "typing_extensions", "charset_normalizer.api"} & set(sys.modules), sorted(sys.modules)
address = requests.Request("GET", "http://b\\u00fccher.example/").prepare().url
assert address == "http://xn--bcher-kva.example/", address
try:
    requests.Request("GET", "http://b\\u00fccher\\u200f.example/").prepare()
except requests.exceptions.InvalidURL:
    pass
else:
    raise AssertionError("no host has such a name")
import idna
assert idna.decode("xn--bcher-kva") == "b\\u00fccher"
import typing_extensions
assert typing_extensions.__name__ == "typing_extensions"
"""


def test_nothing_is_loaded_before_it_is_used() -> None:
    """A host whose name isn't ASCII, and a library that wants all of an extension, find them."""
    subprocess.run([sys.executable, "-c", _LOOK], cwd=_ROOT, check=True, timeout=60)
