"""Finished films on the shelf: the real program beside a real torrent client."""

from pathlib import Path

import pytest
from house import town as house_town
from house.town import Town, seedable

town = house_town.town
pytestmark = [pytest.mark.timeout(300), pytest.mark.waits]


@pytest.mark.parametrize("town", [{"kind": "qbittorrent", "films": 3}], indirect=True)
def test_films_arrive_on_the_shelf(town: Town) -> None:
    """Each as a hard link, under its own name, told once; the client goes on seeding the same file."""
    films = [seedable(number) for number in range(3)]
    town.offer(*films)
    town.seed(*films)
    shelf = town.home.data.parent / "shelf"
    shelf.mkdir()
    town.home.write_settings(shelf={"folder": str(shelf)})
    daemon = town.home.start(fresh=True)

    def is_done() -> bool:
        return town.kinds_told()["shelved"] == 3

    town.meanwhile(is_done, lambda _seconds: None)
    assert daemon.stop() == 0
    for entry in town.home.queue("completed"):
        film = f"{entry['title']} ({entry['year']}) [imdbid-{entry['imdb_id']}]"
        assert entry["shelf"]["path"] == str(shelf / film / f"{film}.mkv")
        assert Path(entry["shelf"]["path"]).samefile(entry["path"])
    assert len(list(shelf.rglob("*"))) == 6
    assert {event["path"] for event in town.told() if event["kind"] == "shelved"} == {
        entry["shelf"]["path"] for entry in town.home.queue("completed")
    }
    assert "on the shelf in" in town.home.run("status").stdout
    assert town.home.run("shelf", "--all").stdout == "Every film whose files are known is on the shelf.\n"
