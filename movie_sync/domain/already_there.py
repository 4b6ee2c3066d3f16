"""Whether something that is there already, on a disk or in the torrent client, is the wanted film."""

from collections.abc import Callable

from movie_sync.domain.judging import Judgement, Verdict

KnowsTitle = Callable[[str], bool]
"""Tells whether a film of the queues, the list or the history has this title (a squashed key) as its own."""


def knows_no_title(_key: str) -> bool:
    """Answer for somebody who knows no other film."""
    return False


def counts_as_there(judgement: Judgement, knows_title: KnowsTitle) -> bool:
    """Tell whether a name's verdict is enough to count as the film.

    A name that has only an alternative title counts unless another film is known that is called so.
    """
    if judgement.alternative_only:
        return not knows_title(judgement.alternative_key)
    return judgement.verdict is Verdict.YES
