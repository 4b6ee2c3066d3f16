"""HTTP as all services use it."""

import sys
import types
import warnings

# requests loads a library that guesses encodings, three megabytes of it, and complains where there is
# none. Nothing here has an encoding guessed: it is the one declared, else UTF-8.
sys.modules.setdefault("charset_normalizer", None)  # type: ignore[arg-type] # None: "not there"
warnings.filterwarnings("ignore", message="Unable to find acceptable character detection dependency")
# What Beautiful Soup loads for CSS selectors is not needed either: pages are read without them.
sys.modules.setdefault("soupsieve", types.ModuleType("soupsieve"))
