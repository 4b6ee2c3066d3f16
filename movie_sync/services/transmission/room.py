"""How much room there is where Transmission puts torrents, and how much its torrents still need."""

from pathlib import PurePosixPath, PureWindowsPath

from movie_sync.services.transmission.faults import NotDoneError
from movie_sync.services.transmission.rpc import Rpc


def read_free_bytes(rpc: Rpc, download_dir: str | None) -> int:
    """Return the least bytes free where a torrent will lie; with None Transmission chooses the folder.

    Raises:
        ValueError: Transmission does not know, or answers in another form.
    """
    fields = ["download-dir", "incomplete-dir", "incomplete-dir-enabled"]
    session = rpc.call("session-get", {"fields": fields})
    places = [download_dir or session["download-dir"]]
    if session.get("incomplete-dir-enabled") is True:
        places.append(session["incomplete-dir"])
    return min(_free_at(rpc, place) for place in places)


def read_default_folder(rpc: Rpc) -> str:
    """Return the folder of Transmission's own choice; raises as above."""
    folder = rpc.call("session-get", {"fields": ["download-dir"]})["download-dir"]
    if not isinstance(folder, str) or not folder:
        raise ValueError("the folder is unknown")
    return folder


def read_promised(rpc: Rpc) -> int:
    """Return the bytes that all torrents together still lack, whoever added them; raises as above."""
    promised = 0
    for bytes_left in rpc.column("leftUntilDone"):
        if not isinstance(bytes_left, int) or bytes_left < 0:
            raise ValueError("the bytes left are unknown")
        promised += bytes_left
    return promised


def _free_at(rpc: Rpc, place: object) -> int:
    """Return the bytes free at a place, which Transmission makes only with a torrent's first byte."""
    if not isinstance(place, str):
        raise TypeError("not a place")
    path = PurePosixPath(place) if PurePosixPath(place).is_absolute() else PureWindowsPath(place)
    for folder in (path, *path.parents):
        if folder != path and str(folder) == folder.anchor:
            break  # whatever else is missing, that is not the disk
        try:
            free_bytes = rpc.call("free-space", {"path": str(folder)}).get("size-bytes")
        except NotDoneError:
            continue  # it is not there; some versions say so in words, some by a negative number
        if isinstance(free_bytes, int) and free_bytes >= 0:
            return free_bytes
    raise ValueError("the free space is unknown")
