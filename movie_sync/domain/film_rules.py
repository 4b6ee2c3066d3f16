"""The rules that one film is judged by: the user's word, then its list's, then the general ones."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from movie_sync.domain.models import Movie, UserWord
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.wish_list import AS_USUAL, Placement, WishList


@dataclass(eq=False, repr=False, slots=True)
class FilmRules:
    """`preset` returns the rules of a quality by its name, if there is such.

    `first_list` returns the list whose keys hold for a film, None if only the general settings do. It may
    raise StorageError, and then so do the methods.
    """

    general: QualityRules
    preset: Callable[[str], QualityRules | None] = lambda _name: None
    first_list: Callable[[Movie], WishList | None] = lambda _movie: None
    _made: dict[tuple[str, tuple[str, ...] | None], QualityRules] = field(default_factory=dict, init=False)

    def of(self, movie: Movie, word: UserWord) -> QualityRules:
        """Return the rules of a film of which the user said a `word`."""
        return self.on(self.first_list(movie), word.preset)

    def on(self, wish: WishList | None, preset: str = "") -> QualityRules:
        """Return the rules of a list's films; the `preset` is the user's for one of them."""
        name = preset or (wish.preset if wish else "")
        languages = None if wish is None or wish.languages is None else tuple(wish.languages)
        if (name, languages) not in self._made:
            rules = (self.preset(name) if name else None) or self.general
            self._made[name, languages] = rules if languages is None else replace(rules, languages=languages)
        return self._made[name, languages]

    def placement(self, movie: Movie) -> Placement:
        """Return where a film's torrent goes."""
        wish = self.first_list(movie)
        return wish.placement if wish else AS_USUAL


def preset_words(word: UserWord, wish: WishList | None) -> str:
    """Return which preset and languages a film is judged by instead of the general ones, in words.

    Empty if by none: "small (list Halloween)".
    """
    own = wish if wish and wish.judges else None
    if own is None:
        return word.preset
    of_list = [] if word.preset or not own.preset else [own.preset]
    of_list += [f"languages {', '.join(own.languages)}"] if own.languages is not None else []
    words = [word.preset] if word.preset else []
    words += [f"{', '.join(of_list)} (list {own.label})"] if of_list else []
    return ", ".join(words)
