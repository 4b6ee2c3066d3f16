"""Feed every regular expression of the package the inputs that are worst for it; print those that are slow.

A process of its own, because nothing interrupts an expression that runs away. Prints a line for each
expression before it is tried and one for each that is too slow; ends with `done` and their number.
"""

import importlib
import inspect
import itertools
import pkgutil
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # how an expression is built is told nowhere else
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import movie_sync

SECONDS = 0.05  # what is linear takes a few milliseconds, what is quadratic a quarter of a second and more
_LENGTHS = (500, 3_000, 12_000)
_SUSPICIOUS_SECONDS = 0.0003
_MANY = 100
_CATEGORIES = {
    sre.CATEGORY_DIGIT: "1", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_DIGIT: "a", sre.CATEGORY_NOT_SPACE: "a", sre.CATEGORY_NOT_WORD: "-",
}  # fmt: skip
_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
_WIDE = " a1.-_<>\"'([{)]},:/=tsx"


def all_patterns() -> dict[str, re.Pattern[Any]]:
    """Return every expression that a module of the package keeps, by module and name."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in pkgutil.walk_packages(movie_sync.__path__, "movie_sync."):
        if module.name.endswith("__main__") or module.name.endswith("_child"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for number, pattern in enumerate(_patterns_in(value)):
                found.setdefault(f"{module.name}.{name}[{number}]", pattern)
    seen: set[tuple[Any, int]] = set()
    return {
        name: pattern
        for name, pattern in found.items()
        if (pattern.pattern, pattern.flags) not in seen and not seen.add((pattern.pattern, pattern.flags))  # type: ignore[func-returns-value]
    }


def _patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _patterns_in(part)
    elif isinstance(value, tuple | list | frozenset):
        for part in value:
            yield from _patterns_in(part)


def _sample(nodes: Iterable[Any], wide: str = "a") -> str:
    """Return a text that a piece of an expression matches."""
    return "".join(_sample_of(operation, argument, wide) for operation, argument in nodes)


def _sample_of(operation: Any, argument: Any, wide: str) -> str:  # noqa: PLR0911 - one for each kind
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.IN:
        return _member(argument, wide)
    if operation in (sre.ANY, sre.NOT_LITERAL):
        return wide
    if operation in _REPEATS:
        least, _most, body = argument
        return _sample(body, wide) * max(min(least, 8), 1)
    if operation is sre.SUBPATTERN:
        return _sample(argument[3], wide)
    if operation is sre.ATOMIC_GROUP:
        return _sample(argument, wide)
    if operation is sre.BRANCH:
        return _sample(argument[1][0], wide)
    return ""  # what stands at a place only


def _member(items: list[Any], wide: str) -> str:
    """Return a character of a set, `wide` if the set has it."""
    if items[0][0] is sre.NEGATE:
        # Any character that the set leaves.
        pattern = [(sre.IN, items)]
        return next((mark for mark in (wide, *_WIDE) if _matches(pattern, mark)), wide)
    if _matches([(sre.IN, items)], wide):
        return wide
    operation, argument = items[0]
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.RANGE:
        return chr(argument[0])
    return _CATEGORIES.get(argument, "a")


def _matches(nodes: list[Any], mark: str) -> bool:
    _operation, items = nodes[0]
    negated = items[0][0] is sre.NEGATE
    hit = any(_hits(item, mark) for item in items if item[0] is not sre.NEGATE)
    return hit is not negated


def _hits(item: tuple[Any, Any], mark: str) -> bool:
    operation, argument = item
    if operation is sre.LITERAL:
        return ord(mark) == argument
    if operation is sre.RANGE:
        return bool(argument[0] <= ord(mark) <= argument[1])
    tests = {
        sre.CATEGORY_DIGIT: mark.isdigit(), sre.CATEGORY_NOT_DIGIT: not mark.isdigit(),
        sre.CATEGORY_SPACE: mark.isspace(), sre.CATEGORY_NOT_SPACE: not mark.isspace(),
        sre.CATEGORY_WORD: mark.isalnum() or mark == "_",
        sre.CATEGORY_NOT_WORD: not (mark.isalnum() or mark == "_"),
    }  # fmt: skip
    return tests.get(argument, False)


def _sequences(nodes: Any, before: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield every sequence in an expression, the inner ones too, with a text that leads to it."""
    nodes = list(nodes)
    yield before, nodes
    for index, (operation, argument) in enumerate(nodes):
        lead = before + _sample(nodes[:index])
        if operation in _REPEATS:
            yield from _sequences(argument[2], lead)
        elif operation is sre.SUBPATTERN:
            yield from _sequences(argument[3], lead)
        elif operation is sre.ATOMIC_GROUP:
            yield from _sequences(argument, lead)
        elif operation is sre.BRANCH:
            for branch in argument[1]:
                yield from _sequences(branch, lead)


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Yield what makes an expression go back as often as it can: a beginning, and a piece of it to repeat."""
    parsed = _parser.parse(pattern.pattern, pattern.flags & ~re.LOCALE)
    found: dict[tuple[str, str], None] = {}
    for before, nodes in _sequences(parsed):
        if not any(_is_long(node) for node in _all_nodes(nodes)):
            continue
        for first, last in itertools.combinations(range(len(nodes) + 1), 2):
            for wide in ("a", " ", "1", ".", "-", "_", "<", "'"):
                unit = _sample(nodes[first:last], wide)
                if unit:
                    found.setdefault((before + _sample(nodes[:first]), unit))
                    found.setdefault(("", unit))
    yield from found


def _all_nodes(nodes: Iterable[Any]) -> Iterator[Any]:
    for _before, inner in _sequences(nodes):
        yield from inner


def _is_long(node: tuple[Any, Any]) -> bool:
    return node[0] in _REPEATS and node[1][1] >= _MANY


def ways_used(name: str, sources: str) -> list[str]:
    """Return how the package uses an expression: what is only matched at a place need not be quick to find."""
    used = set(re.findall(rf"\b{name}\.(\w+)\(", sources))
    used = used or set(re.findall(r"\.(match|fullmatch|search|finditer|sub|split)\(", sources))
    return sorted("finditer" if way not in {"match", "fullmatch"} else way for way in used)


def slowest(pattern: re.Pattern[Any], ways: list[str]) -> tuple[float, str]:
    """Return the longest time in seconds that one of an expression's attacks takes, and how it begins."""
    worst = (0.0, "")
    for (before, unit), way in itertools.product(attacks(pattern), ways):
        if _seconds(pattern, way, before, unit, _LENGTHS[0]) < _SUSPICIOUS_SECONDS:
            continue
        for length in _LENGTHS[1:]:
            seconds = min(_seconds(pattern, way, before, unit, length) for _ in range(3))
            worst = max(worst, (seconds, f"{before}{unit}{unit}"[:60]))
            if seconds > SECONDS:
                return worst
    return worst


def _seconds(pattern: re.Pattern[Any], way: str, before: str, unit: str, length: int) -> float:
    text: Any = before + unit * (length // len(unit) + 1) + "\x01"
    if isinstance(pattern.pattern, bytes):
        text = text.encode("utf-8", "replace")
    began = time.process_time()
    if way == "finditer":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, way)(text)
    return time.process_time() - began


def main() -> int:
    """Try all expressions, or those whose names contain one of the arguments."""
    slow = 0
    patterns = all_patterns()
    folder = Path(movie_sync.__path__[0])
    sources = "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    for name, pattern in patterns.items():
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        print("trying", name, flush=True)
        module, _, variable = name.partition("[")[0].rpartition(".")
        private = inspect.getsource(sys.modules[module]) if variable.startswith("_") else sources
        seconds, text = slowest(pattern, ways_used(variable, private))
        if seconds > SECONDS:
            slow += 1
            print(f"SLOW {seconds:.2f} s: {name}: {pattern.pattern!r:.150} on {text!r}", flush=True)
    print("done", len(patterns), slow)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
