"""The page: what is answered to whom, and that nothing is changed by a request that does not come from it."""

from pathlib import Path

import pytest
from house import commands
from house import page as pages
from house.commands import held
from house.page import ADDRESS, Page

from movie_sync.domain.models import QueueName
from movie_sync.queues.manager import QueueManager

data = commands.data
page = pages.page


def test_the_wall_and_a_film(page: Page) -> None:
    """Each film is on the wall, and has a page of its own."""
    wall = page.get("/")
    assert wall.status == 200
    assert 'href="/film/one"' in wall.text
    assert "<h1" in page.get("/film/one").text
    missing = page.get("/film/nowhere")
    assert missing.status == 404
    assert "nowhere" in missing.text


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"token": "0" * 64}, {"origin": ADDRESS}),
        ({"token": "own"}, {"origin": "http://evil.example"}),
        ({"token": "own"}, {"origin": "null"}),
        ({"token": "own"}, {"host": "evil.example"}),
        ({"token": "own"}, {"cookie": "movie_sync_8787=other"}),
    ],
)
def test_a_change_comes_from_the_page(
    page: Page,
    data: Path,
    form: dict[str, str],
    headers: dict[str, str],
) -> None:
    """A request without token or session, or from another site, changes nothing and shows nothing."""
    token = {"token": page.token} if form.get("token") == "own" else form
    answer = page.raw_post("/film/one/remove", token, **headers)
    assert answer.status in {401, 403}
    assert "One" not in answer.text
    assert held(data, QueueName.PENDING) == ["K1"]
    assert page.raw_post("/film/one/remove", {"token": page.token}, origin=ADDRESS).status == 303
    assert held(data, QueueName.PENDING) == []


def test_what_changes_is_sent(page: Page, data: Path) -> None:
    """A film that is removed leaves the wall of who looks at it."""
    event = page.events("/events", lambda: QueueManager(data).remove(["one"]))
    assert "film-one" not in event["order"]


def test_who_is_not_logged_in_sees_nothing(page: Page) -> None:
    """Everything but the login leads there."""
    page.log_out()
    for path in ("/", "/film/one", "/events", "/film/one/events"):
        answer = page.get(path)
        assert (answer.status, answer.goes_to.partition("?")[0]) == (303, "/login")
