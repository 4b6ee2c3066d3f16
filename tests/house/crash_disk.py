"""A disk that can be cut off at every file-system call, and everything that can be left on it.

`Recorder` writes down each call that changes files below a folder while real code runs on a real
folder. `Disk` is fed the calls one by one and tells what may lie on the disk if everything ends
there: `after_kill` (the process dies: what was written stays, the last write may be cut) and
`after_power_failure` (what was not flushed is gone, cut or zeroed; each name that was changed in a
folder since the folder was flushed may have been changed or not).
"""

import errno
import functools
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock


class Content(bytes):
    """What a file holds; two names of one file share one such object."""


Tree = dict[str, Content | None]
"""What lies on a disk: content by path, None for a folder."""

CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "link", "mkdir")
_FOLDER = -1


@dataclass(frozen=True)
class Call:
    """One call that changed something: its name, the paths below the folder, what was written."""

    name: str
    path: str
    target: str = ""
    content: bytes = b""


class Recorder:
    """Watches the calls below `folder`, and makes them fail on demand."""

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}{os.sep}"
        self._folder = str(folder)
        self._paths: dict[int, str] = {}
        self.calls: list[Call] = []
        self.failed: list[Call] = []
        self.fail_from: int | None = None
        self.fail_until = 0
        self.error = errno.ENOSPC

    @contextmanager
    def watching(self) -> Iterator["Recorder"]:
        """Put the watching functions in the place of `os`'s own."""
        others = [name for name in ("close", "dup", "memfd_create") if hasattr(os, name)]
        self._real = {name: getattr(os, name) for name in (*CALLS, *others)}
        with ExitStack() as stack:
            for name in self._real:
                stack.enter_context(mock.patch.object(os, name, getattr(self, f"_{name}")))
            yield self

    def _place(self, path: object) -> str | None:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if text == self._folder:
            return "."
        return text.removeprefix(self._prefix) if text.startswith(self._prefix) else None

    def _do(self, call: Call, *arguments, **options):
        """Make a call, unless it is to fail; one that fails by itself changes nothing and is kept apart."""
        number = len(self.calls)
        self.calls.append(call)
        if self.fail_from is not None and self.fail_from <= number < self.fail_until:
            raise OSError(self.error, os.strerror(self.error), call.path)
        try:
            return self._real[call.name](*arguments, **options)
        except OSError:
            self.failed.append(self.calls.pop())
            raise

    def _open(self, path, flags, mode=0o777, **options):
        place = self._place(path)
        if place is None:
            return self._elsewhere(self._real["open"](path, flags, mode, **options))
        if flags & os.O_CREAT:
            descriptor = self._do(Call("open", place), path, flags, mode, **options)
        else:
            descriptor = self._real["open"](path, flags, mode, **options)
        self._paths[descriptor] = place
        return descriptor

    def _elsewhere(self, descriptor):
        """Return a descriptor of no file below the folder; its number may have been one's before."""
        self._paths.pop(descriptor, None)
        return descriptor

    def _dup(self, descriptor):
        return self._elsewhere(self._real["dup"](descriptor))

    def _memfd_create(self, *arguments):
        return self._elsewhere(self._real["memfd_create"](*arguments))

    def _close(self, descriptor):
        self._paths.pop(descriptor, None)
        return self._real["close"](descriptor)

    def _write(self, descriptor, content):
        return self._on_descriptor("write", descriptor, content)

    def _fsync(self, descriptor):
        return self._on_descriptor("fsync", descriptor)

    def _on_descriptor(self, name, descriptor, *content):
        place = self._paths.get(descriptor)
        if place is None:
            return self._real[name](descriptor, *content)
        return self._do(Call(name, place, content=b"".join(map(bytes, content))), descriptor, *content)

    def _mkdir(self, path, *arguments, **options):
        return self._on_path("mkdir", path, *arguments, **options)

    def _unlink(self, path, **options):
        return self._on_path("unlink", path, **options)

    def _replace(self, source, target, **options):
        return self._on_two("replace", source, target, **options)

    def _rename(self, source, target, **options):
        return self._on_two("rename", source, target, **options)

    def _link(self, source, target, **options):
        return self._on_two("link", source, target, **options)

    def _on_path(self, name, path, *arguments, **options):
        place = self._place(path)
        if place is None:
            return self._real[name](path, *arguments, **options)
        return self._do(Call(name, place), path, *arguments, **options)

    def _on_two(self, name, source, target, **options):
        place, target_place = self._place(source), self._place(target)
        if place is None or target_place is None:
            return self._real[name](source, target, **options)
        return self._do(Call(name, place, target_place), source, target, **options)


@dataclass
class Disk:
    """What the calls so far have done, in the page cache and on the platter."""

    names: dict[str, int] = field(default_factory=dict)
    flushed_names: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[str, dict[str, int | None]]] = field(default_factory=list)
    contents: dict[int, Content] = field(default_factory=dict)
    flushed_contents: dict[int, Content] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    generation: int = 0
    """How often a file was written or flushed."""

    def start_from(self, tree: Tree) -> "Disk":
        """Begin with what lies flushed on a disk."""
        numbers: dict[int, int] = {}
        for path, content in tree.items():
            self.names[path] = _FOLDER
            if content is not None:
                number = self.names[path] = numbers.setdefault(id(content), len(numbers))
                self.contents[number] = self.flushed_contents[number] = content
        self.numbers = itertools.count(len(numbers))
        self.flushed_names = dict(self.names)
        return self

    def carry_out(self, call: Call) -> None:
        """Do a call."""
        if call.name == "open":
            number = next(self.numbers)
            self.contents[number] = self.flushed_contents[number] = Content()
            self._change(call.path, {call.path: number})
        elif call.name == "mkdir":
            self._change(call.path, {call.path: _FOLDER})
        elif call.name == "write":
            number = self.names[call.path]
            self.contents[number] = Content(self.contents[number] + call.content)
            self.generation += 1
        elif call.name == "fsync":
            self._flush(call.path)
        elif call.name == "unlink":
            self._change(call.path, {call.path: None})
        elif call.name == "link":
            self._change(call.path, {call.target: self.names[call.path]})
        else:
            below = [name for name in self.names if name.startswith(f"{call.path}{os.sep}")]
            self._change(
                call.path,
                {call.path: None, call.target: self.names[call.path]}
                | dict.fromkeys(below)
                | {call.target + name.removeprefix(call.path): self.names[name] for name in below},
            )

    def all_after(self, call: Call, told: set[object]) -> Iterator[Tree]:
        """Yield all that may lie there if everything ends just before this call, or in the middle of it.

        What a power failure may leave is passed over if it is in `told`, and put in when it is yielded.
        """
        yield from self.after_kill(call)
        yield from self.after_power_failure(told)

    def after_kill(self, cut: Call | None = None) -> Iterator[Tree]:
        """Yield what lies there if the process dies now, and also in the middle of a write."""
        yield self._tree(self.names, self.contents)
        if cut is not None and cut.name == "write" and len(cut.content) > 1:
            number = self.names[cut.path]
            half = Content(self.contents[number] + cut.content[: len(cut.content) // 2])
            yield self._tree(self.names, {**self.contents, number: half})

    def after_power_failure(self, told: set[object]) -> Iterator[Tree]:
        """Yield all that may lie there if the power fails now, but for what is in `told`."""
        for happened in itertools.product((False, True), repeat=len(self.changes)):
            names: dict[str, int | None] = dict(self.flushed_names)
            for (_, change), has_happened in zip(self.changes, happened, strict=True):
                if has_happened:
                    names.update(change)
            there = {path: number for path, number in names.items() if number is not None}
            state = self.generation, frozenset(there.items())
            if state not in told:  # most states stay possible until the folder is flushed
                told.add(state)
                for contents in self._possible_contents(set(there.values())):
                    yield self._tree(there, contents)

    def _possible_contents(self, numbers: set[int]) -> Iterator[dict[int, Content]]:
        yield self.flushed_contents
        unflushed = {
            number: content
            for number, content in self.contents.items()
            if number in numbers and content != self.flushed_contents[number]
        }
        if unflushed:
            yield {**self.flushed_contents, **unflushed}
            halves = {number: Content(content[: len(content) // 2]) for number, content in unflushed.items()}
            yield {**self.flushed_contents, **halves}
            zeroes = {number: Content(len(content)) for number, content in unflushed.items()}
            yield {**self.flushed_contents, **zeroes}

    def _change(self, path: str, change: dict[str, int | None]) -> None:
        self.changes.append((_folder_of(path), change))
        for name, number in change.items():
            if number is None:
                del self.names[name]
            else:
                self.names[name] = number

    def _flush(self, path: str) -> None:
        if path in self.names and self.names[path] != _FOLDER:
            self.flushed_contents[self.names[path]] = self.contents[self.names[path]]
            self.generation += 1
            return
        for folder, change in self.changes:
            if folder == path:
                for name, number in change.items():
                    if number is None:
                        self.flushed_names.pop(name, None)
                    else:
                        self.flushed_names[name] = number
        self.changes = [change for change in self.changes if change[0] != path]

    def _tree(self, names: dict[str, int], contents: dict[int, Content]) -> Tree:
        folders = {path for path, number in names.items() if number == _FOLDER} | {"."}
        return {
            path: None if number == _FOLDER else contents[number]
            for path, number in names.items()
            if _folder_of(path) in folders
        }


@functools.cache  # asked of few paths, millions of times
def _folder_of(path: str) -> str:
    return path.rpartition(os.sep)[0] or "."


def read_tree(folder: Path) -> Tree:
    """Return what lies below a folder."""
    tree: Tree = {}
    contents: dict[int, Content] = {}
    for path in sorted(folder.rglob("*")):
        number = path.stat().st_ino
        if path.is_file() and number not in contents:
            contents[number] = Content(path.read_bytes())
        tree[str(path.relative_to(folder))] = contents.get(number)
    return tree


def write_tree(folder: Path, tree: Tree) -> None:
    """Make a folder hold exactly this."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    first_names: dict[int, Path] = {}
    for name, content in sorted(tree.items()):
        path = folder / name
        if content is None:
            path.mkdir()
        elif id(content) in first_names:
            path.hardlink_to(first_names[id(content)])
        else:
            path.write_bytes(content)
            first_names[id(content)] = path


Key = frozenset[tuple[str, bytes | None, str]]


def freeze(tree: Tree) -> Key:
    """Return a tree as a key: what each path holds, and the first name of the same file."""
    first_names: dict[int, str] = {}
    return frozenset(
        (path, content, first_names.setdefault(id(content), path)) for path, content in sorted(tree.items())
    )
