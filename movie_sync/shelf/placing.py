"""Puts a film's files on the shelf: as hard links, else as copies that share their blocks, else as copies.

Nothing that is there is replaced or removed, but for half of a copy that was cut off, which has a name
of its own until it is whole. Whatever is done twice has no effect the second time.
"""

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from movie_sync.domain.name_kinds import VIDEO_EXTENSIONS
from movie_sync.domain.shelf_names import safe_name
from movie_sync.domain.shelf_plan import ShelfFile, ShelfPlan
from movie_sync.shelf.copying import Copies, opened, opened_half, share_blocks
from movie_sync.shelf.faults import (
    NO_LINKS,
    OF_THE_DISK,
    OF_THE_SHELF,
    ShelfError,
    no_hard_link,
    reason,
    told,
    why_no_shelf,
)
from movie_sync.storage.atomic_file import sync_folder

_MOST_NUMBERS = 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where films are put; with `may_copy`, their files are copied where they can't be shared.

    `films` is the folder that their torrents are in.
    """

    folder: Path
    films: Path
    copies: Copies
    may_copy: bool = False

    def check(self) -> None:
        """Raise ShelfError if the folder isn't there."""
        with told(f"Couldn't look at the shelf's folder {self.folder}"):
            if why := why_no_shelf(self.folder):
                raise ShelfError(why, is_of_all=True)

    def place(self, plan: ShelfPlan, source: Path, name: str, labels: Sequence[str]) -> Path:
        """Put a film there under its name, and return its video's path.

        `source` is the folder that the plan's paths are relative to. Of several versions of the film the
        second and later ones get one of the `labels` behind the name. The video comes last: what a media
        server sees of the film is then whole. Raises ShelfError.
        """
        folder = self.folder / name
        with _made(folder, of_all=OF_THE_SHELF):
            target = self._fill(folder, plan, source, name, labels)
        for made in (folder, self.folder):  # also what a run before, which was cut off, has made
            _flush_folder(made)
        return target

    def _fill(self, folder: Path, plan: ShelfPlan, source: Path, name: str, labels: Sequence[str]) -> Path:
        video = source / plan.video.path
        film = self._stem_for(video, folder, name, labels, plan.video.ending)
        for file in plan.subtitles:
            self._put(source / file.path, self._free_for(source / file.path, folder, film, file))
        for file in plan.extras:
            with contextlib.suppress(ShelfError):  # the film isn't to wait for what lies beside it
                self._put_extra(folder / file.folder, source, file)
        target = folder / f"{film}{plan.video.ending}"
        self._put(video, target)
        self.copies.remove(folder)
        return target

    def _put_extra(self, extras: Path, source: Path, file: ShelfFile) -> None:
        path = Path(file.path)
        stem = safe_name(path.stem) or file.folder
        with _made(extras):
            self._put(source / path, self._free_for(source / path, extras, stem, file))
        self.copies.remove(extras)

    def _put(self, source: Path, target: Path | None) -> None:
        """Put a file there unless it is there already; None is where something else has its name."""
        if target is None or self.copies.is_there(source, target):
            return
        try:
            # At once, or not at all; what has the name keeps it. Linux would link a symlink itself.
            os.link(os.path.realpath(source), target)
        except FileExistsError:
            raise ShelfError(f"Another program has just created {target}; it's kept.") from None
        except OSError as exc:
            if exc.errno not in NO_LINKS:
                raise ShelfError(
                    f"Couldn't put {source} on the shelf: {reason(exc)}.",
                    is_of_all=exc.errno in OF_THE_DISK,
                ) from None
            refusal = None if self.may_copy else no_hard_link(source, self.folder, exc, self.films)
            self.copies.copy(source, target, refusal)
        _flush_folder(target.parent)

    def _stem_for(self, video: Path, folder: Path, name: str, labels: Sequence[str], ending: str) -> str:
        """Return what the files are called: as they are if they are there, else as no other version is."""
        stems = [f"{name}{label}" for label in labels]
        for stem in stems:
            if self.copies.is_there(video, folder / f"{stem}{ending}"):
                return stem
        with told(f"Couldn't read {folder}"):
            taken = {entry.stem.casefold() for entry in folder.iterdir() if _is_video(entry)}
        for stem in stems:
            if stem.casefold() not in taken and not os.path.lexists(folder / f"{stem}{ending}"):
                return stem
        raise ShelfError(
            f"Every name this release could get in {folder} is taken. Rename or move one of those files."
        )

    def _free_for(self, source: Path, folder: Path, stem: str, file: ShelfFile) -> Path | None:
        """Return where a file belongs that stands beside the video, or None if its names are all taken."""
        kind = Path(file.path).suffix.lower()
        ending = file.ending.removesuffix(kind) if file.ending.endswith(kind) else ""
        for number in range(1, _MOST_NUMBERS):
            path = folder / f"{stem}{ending}{f'.{number}' if number > 1 else ''}{kind}"
            if not os.path.lexists(path) or self.copies.is_there(source, path):
                return path
        return None


@contextlib.contextmanager
def _made(folder: Path, of_all: Collection[int] = OF_THE_DISK) -> Iterator[None]:
    """Make a folder unless it's there; it's removed again if what goes there fails and it stays empty."""
    is_new = True
    with told(f"Couldn't create {folder}", of_all):
        try:
            folder.mkdir()
        except FileExistsError:
            if not folder.is_dir():
                raise
            is_new = False
    try:
        yield
    except ShelfError:
        if is_new:
            with contextlib.suppress(OSError):  # something is in it
                folder.rmdir()
        raise


def _is_video(path: Path) -> bool:
    return path.suffix[1:].lower() in VIDEO_EXTENSIONS


def _flush_folder(folder: Path) -> None:
    with told(f"Couldn't write {folder}"):
        sync_folder(folder)


def why_not_shared(file: Path, shelf: Path, folder: Path) -> str:
    """Return why a file can be shared with a folder neither by a link nor by its blocks; "" if it can.

    `folder` is the one for films that it is in. It is tried, and leaves nothing. Raises ShelfError, OSError.
    """
    trial = shelf / f".movie-sync-check-{os.getpid()}"
    try:
        os.link(os.path.realpath(file), trial)
    except OSError as why_no_link:
        with opened(file) as (original, found):
            copy = opened_half(trial)
            try:
                is_shared = share_blocks(copy, original, found.st_size)
            finally:
                os.close(copy)
        return "" if is_shared else str(no_hard_link(file, shelf, why_no_link, folder))
    finally:
        trial.unlink(missing_ok=True)
    return ""
