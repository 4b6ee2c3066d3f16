"""Answer what comes on stdin line by line, one JSON object a line on stdout."""

import io
import json
import sys
from collections.abc import Callable


def answer_lines(answer: Callable[[str], dict[str, object]]) -> None:
    """Answer every line of stdin that is not blank."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    for line in sys.stdin:
        text = line.rstrip("\r\n")
        if text.strip():
            sys.stdout.write(json.dumps(answer(text), ensure_ascii=False) + "\n")
            sys.stdout.flush()  # whoever asks line by line waits for it
