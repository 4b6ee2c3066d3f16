"""Answer what comes on stdin line by line, one JSON object a line on stdout."""

import json
import sys
from collections.abc import Callable


def answer_lines(answer: Callable[[str], dict[str, object]]) -> None:
    """Answer every line of stdin that is not blank."""
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a text stream in a script
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the same
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if text.strip():
            sys.stdout.write(json.dumps(answer(text), ensure_ascii=False) + "\n")
            sys.stdout.flush()  # whoever asks line by line waits for it
