"""`search`: what the tracker has for a film, what would be taken, and why not the rest."""

import json
import shutil
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from movie_sync.commands.building import Services
from movie_sync.commands.choose import note_search
from movie_sync.commands.context import Context
from movie_sync.commands.naming import FilmNames
from movie_sync.commands.table import print_table
from movie_sync.domain.film_rules import FilmRules, preset_words
from movie_sync.domain.film_words import title_and_year
from movie_sync.domain.models import NO_WORD, Movie
from movie_sync.domain.plain_text import folded, one_line
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.selection import ASSUMED_RUNTIME_MINUTES, Candidate, rank, shown_seeders, why_not_first
from movie_sync.errors import StorageError, UserError
from movie_sync.fetching.downloader import Search
from movie_sync.invocation import command_line
from movie_sync.logs import set_up_logging
from movie_sync.queues.codec import filelist_id
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager

_GB = 1_000_000_000
_YEAR_DIGITS = 4
_HEADERS = ("#", "", "RELEASE", "QUALITY", "DETAILS", "SIZE", "SEEDERS", "WHY NOT", "ID")
Row = tuple[int, Candidate, list[str]]
"""A candidate with its number and why it would not be taken."""


class Cells(NamedTuple):
    """What is shown of a candidate: `mark` is "taken" for the one that would be, "good" for others."""

    number: str
    mark: str
    name: str
    quality: str
    details: str
    size: str
    seeders: str
    why: str
    id: str


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found for `film`: its candidates, best first, with their numbers.

    `judged_as` is the film as their names are judged for it, `judged_by` by which preset, if not the general
    settings, in words.
    """

    film: Movie
    found: Search
    rows: list[Row]
    judged_as: Movie
    judged_by: str = ""

    def document(self) -> dict[str, object]:
        """Return it in plain values."""
        return _as_document(self.found, self.rows)

    def judged_again(self, film_rules: FilmRules, now: datetime, entry: QueueEntry) -> "Searched":
        """Return it as settings and the film's entry judge it now, with the same numbers; asks nobody."""
        word = entry.word
        rules = film_rules.of(entry.movie, word)
        tried = {old.choice.id: old.why for old in entry.set_aside if old.choice.id}
        numbers = {each.release.id: number for number, each, _ in self.rows}
        releases = [each.release for each in self.found.candidates]
        again = rank(self.judged_as, releases, rules, now, tried=tried, word=word)
        found = replace(self.found, candidates=tuple(again))
        rows = [(numbers[each.release.id], each, why) for _, each, why in _with_reasons(found, rules)]
        return replace(
            self,
            found=found,
            rows=sorted(rows, key=lambda row: row[0]),
            judged_by=preset_words(word, film_rules.first_list(entry.movie)),
        )

    def table(self) -> list["Cells"]:
        """Return what is shown of each candidate."""
        accepted = self.found.accepted
        return [_cells(*row, is_chosen=row[1] in accepted[:1]) for row in self.rows]


def run_search(args: Namespace, context: Context) -> int:
    """Search and explain; downloads nothing. Returns the exit code."""
    if not one_line(args.title).strip():
        raise UserError('Name the film, e.g. search "Heat" --year 1995')
    context.paths.prepare()
    context.warn(context.config.warnings)
    set_up_logging(context.options.log_level, context.redactor, plain=context.options.plain)
    queues = context.queues_to_look_at()
    names = FilmNames(context, queues, series_too=True)
    movie = _named(args, names)
    if movie is None:
        return 1
    searched = search_releases(context, queues, movie)
    if args.json:
        print(json.dumps(searched.document(), indent=1))
    else:
        _show(context, searched)
        if searched.rows:
            context.say(f"\nTo take {_grab(searched, names)}")
    return 0 if searched.found.accepted else 1


def search_releases(context: Context, queues: QueueManager, movie: Movie) -> Searched:
    """Ask the trackers for a film's releases, judge them, and keep their numbers for `grab` and `reject`."""
    services = Services(context, stop=threading.Event())
    known = movie if movie.id else services.known_films(queues).meant(movie)
    held = queues.find(known.slug or known.id) if known else None
    if known:
        movie = replace(
            movie,
            id=known.id,
            slug=known.slug,
            runtime_minutes=known.runtime_minutes,
            original_language=known.original_language,
        )
    word, set_aside = (held[1].word, held[1].set_aside) if held else (NO_WORD, ())
    downloader = services.session(queues).downloader
    found = downloader.search(movie, set_aside, word)
    for outage in found.outages:
        context.complain(str(outage))
    _note(context, found, known)
    rows = _with_reasons(found, downloader.rules.of(movie, word))
    judged_by = preset_words(word, downloader.rules.first_list(movie))
    return Searched(known or movie, found, rows, downloader.in_company(movie), judged_by)


def _named(args: Namespace, names: FilmNames) -> Movie | None:
    """Return the film to search: a known one, the one at an address, or one of this title.

    None, which is said: Letterboxd has no such film, or does not tell which one it is.
    """
    text = one_line(args.title).strip()
    finding = names.look_up(text)
    if finding.new and finding.is_address:
        named = names.read(finding)
        if named and named.doubt:
            names.context.complain(f"{named.doubt}. Give the film's title and --year instead.")
        return named.movie if named and not named.doubt else None
    title, year = title_and_year(text)
    year = args.year or year
    fitting = [
        film.movie
        for film in finding.films
        if year in {None, film.movie.year} and args.imdb in {None, film.movie.imdb_id}
    ]
    if len(fitting) == 1:
        return fitting[0]
    if year is None and not args.imdb and not args.json and sys.stdin.isatty() and sys.stdout.isatty():
        year = _asked_year(title, sorted(movie.year for movie in fitting if movie.year))
        chosen = [movie for movie in fitting if movie.year == year]
        if len(chosen) == 1:
            return chosen[0]
    return Movie(id="", slug="", title=title, year=year, imdb_id=args.imdb)


def _asked_year(title: str, known: Sequence[int]) -> int | None:
    """Ask for the year of a film; None if the user does not know it."""
    hint = f"{', '.join(map(str, known))}, or " if known else ""
    while True:
        try:
            answer = input(f"Year of {title} ({hint}Enter to search without it): ").strip()
        except EOFError:
            return None
        if not answer:
            return None
        if answer.isascii() and answer.isdigit() and len(answer) == _YEAR_DIGITS:
            return int(answer)


def _grab(searched: Searched, names: FilmNames) -> str:
    """Return which release can be taken instead of the one that would be, and the command that does it."""
    number, candidate, _ = searched.rows[min(len(searched.found.accepted[:1]), len(searched.rows) - 1)]
    movie = searched.film
    film = movie.slug or movie.id or movie.imdb_id or candidate.release.imdb_id or "LETTERBOXD-ADDRESS"
    if film == movie.id and (named := names.look_up(movie.label).film) and named.movie.id == film:
        film = movie.label  # which can be told from others, and read
    return f"number {number}: `{command_line('grab', film, str(number))}`"


def _note(context: Context, found: Search, known: Movie | None) -> None:
    """Keep the numbers; what was found is shown also where that cannot be written."""
    try:
        note_search(context, found.movie, known, [each.release.id for each in found.candidates])
    except StorageError as exc:
        context.complain(f"{exc} `grab` and `reject` won't know these numbers; use the ids.")


def _with_reasons(found: Search, rules: QualityRules) -> list[Row]:
    """Say why each candidate would not be taken; of the one that would be, what is special about it."""
    reasons = [list(candidate.reasons) for candidate in found.candidates]
    for candidate, why in zip(found.candidates[1:], reasons[1:], strict=True):
        if candidate.accepted:
            why.insert(0, why_not_first(candidate, found.candidates[0], rules))
    return list(zip(range(1, len(reasons) + 1), found.candidates, reasons, strict=True))


def _as_document(found: Search, rows: Sequence[Row]) -> dict[str, object]:
    accepted = found.accepted
    return {
        "film": {
            "title": found.movie.title,
            "year": found.movie.year,
            "imdb_id": found.movie.imdb_id,
            "runtime_minutes": found.movie.runtime_minutes,
            "original_language": found.movie.original_language,
        },
        "chosen": filelist_id(accepted[0].release.id) if accepted else None,
        "chosen_id": str(accepted[0].release.id) if accepted else None,
        "candidates": [
            {
                "number": number,
                "id": str(candidate.release.id),
                **({"filelist_id": old_id} if (old_id := filelist_id(candidate.release.id)) else {}),
                "name": candidate.release.name,
                "accepted": candidate.accepted,
                "reasons": list(why),
                "quality": candidate.quality,
                "codec": candidate.details.codec,
                "hdr": list(candidate.details.hdr),
                "bit_depth": candidate.details.bit_depth or None,
                "audio": list(candidate.details.audio),
                "languages": list(candidate.details.languages),
                "spoken": sorted(candidate.sound.languages),
                "has_original": candidate.sound.has_original,
                "edition": candidate.details.edition,
                "group": candidate.details.group,
                "size_bytes": candidate.release.size_bytes,
                "seeders": candidate.release.seeders,
                "freeleech": candidate.release.freeleech,
                "internal": candidate.release.internal,
            }
            for number, candidate, why in rows
        ],
    }


def _show(context: Context, searched: Searched) -> None:
    found = searched.found
    if not found.candidates:
        context.say(f"{found.movie.label}: no releases found.")
        return
    cells = searched.table()
    if sys.stdout.isatty():
        _show_in_blocks(context, cells, shutil.get_terminal_size().columns - 1)
    else:
        print_table(_HEADERS, cells)
    if searched.judged_by:
        context.say(f"\nJudged by {searched.judged_by}.")
    if found.movie.runtime_minutes is None:
        context.complain(
            f"Running time unknown here: sizes are judged for {ASSUMED_RUNTIME_MINUTES} minutes. "
            "The daemon reads it from the film's page and may choose differently."
        )
    if not found.accepted:
        context.say(f"\n{found.movie.label}: nothing would be taken.")


def _show_in_blocks(context: Context, rows: Sequence[Sequence[str]], columns: int) -> None:
    """Show each release in a few lines: their names are too long for a column of a table."""
    digits = len(str(len(rows)))
    indent = " " * (digits + 2)
    for number, mark, name, quality, details, size, seeders, why, release_id in rows:
        said = {"taken": "would be taken", "good": ""}.get(mark, "not taken")
        facts = ", ".join(filter(None, (quality, details, size, f"{seeders} seeders", release_id)))
        lines = [name, facts, ": ".join(filter(None, (said, why)))]
        folds = [line for text in lines for line in folded(one_line(text), columns - len(indent))]
        context.say(f"{number:>{digits}}  {folds[0]}")
        for line in folds[1:]:
            context.say(f"{indent}{line}")


def _cells(number: int, candidate: Candidate, why: Sequence[str], *, is_chosen: bool) -> Cells:
    mark = "taken" if is_chosen else "good" if candidate.accepted else ""
    release = candidate.release
    return Cells(
        str(number),
        mark,
        release.name,
        candidate.quality or "unknown",
        _details(candidate),
        f"{release.size_bytes / _GB:.1f} GB",
        shown_seeders(release),
        "; ".join(why),
        str(release.id),
    )


def _details(candidate: Candidate) -> str:
    """Return what the name and the tracker's row say besides, in a few words."""
    details, release = candidate.details, candidate.release
    words = [details.codec, *details.hdr, *details.audio, *details.languages, details.edition]
    if details.revision:
        words.append("PROPER or REPACK")
    if release.freeleech:
        words.append("freeleech")
    if release.internal:
        words.append("internal")
    return ", ".join(filter(None, words))
