"""HTTP as all services use it."""

import importlib
import sys
import types
import warnings


def _load_when_used(name: str) -> None:
    """Put a module in place that is loaded once something of it is asked for."""

    def load(attribute: str) -> object:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    stand_in = types.ModuleType(name)
    stand_in.__getattr__ = load  # type: ignore[method-assign]
    sys.modules.setdefault(name, stand_in)


# requests loads a library that guesses encodings, three megabytes of it, and complains where there is
# none. Nothing here has an encoding guessed: it is the one declared, else UTF-8.
sys.modules.setdefault("charset_normalizer", None)  # type: ignore[arg-type] # None: "not there"
warnings.filterwarnings("ignore", message="Unable to find acceptable character detection dependency")
# It loads another one for names of hosts that aren't ASCII, whether there are any or not: most of a megabyte.
_load_when_used("idna")
