"""What Movie Sync costs, measured: `python tests/benchmarks/costs.py` prints the tables of docs/performance.md.

Run by hand, on a machine that has nothing else to do; the whole takes about twenty minutes. Parts
and sizes can be chosen. Needs the test dependencies; `pip install persist-queue` adds two rivals
to the comparison, and a `qbittorrent-nox` on PATH makes the daemon's figures those of a real client.
"""

import argparse
import importlib.util
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_HERE = Path(__file__).resolve()
sys.path[:0] = [str(_HERE.parents[2]), str(_HERE.parents[1]), str(_HERE.parent)]

import daemon_costs  # noqa: E402 - found by the line above
import queue_costs  # noqa: E402
import rivals  # noqa: E402
import speed_costs  # noqa: E402
from house import crowd  # noqa: E402 - found by the line above

_REPETITIONS = {100: 100, 1_000: 100, 10_000: 40, 100_000: 10}


def main() -> None:
    """Measure what was asked for and print it."""
    options = _options()
    print(f"{_machine()}\n")
    parts: dict[str, Callable[[argparse.Namespace], None]] = {
        "queue": _queue,
        "memory": _memory,
        "crowd": _crowd,
        "idle": _idle,
        "latency": _latency,
        "stop": _stop,
        "speed": _speed,
    }
    for name in options.parts or parts:
        parts[name](options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["queue", "memory", "crowd", "idle", "latency", "stop", "speed"]
    parser.add_argument("parts", nargs="*", help=f"what to measure, of {', '.join(names)} (all)")
    parser.add_argument(
        "--sizes", type=_numbers, default=[100, 1_000, 10_000, 100_000], help="entries in the queues"
    )
    parser.add_argument(
        "--films", type=_numbers, default=[0, 28, 1_000, 10_000], help="films on the list at the first sync"
    )
    parser.add_argument("--hand-over", type=int, default=1_000, help="of these, hand over at most so many")
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="what stands for the idle hour")
    parser.add_argument("--films-timed", type=int, default=20, help="films timed from the list to the client")
    parser.add_argument("--stops", type=int, default=50, help="how often the daemon is interrupted")
    parser.add_argument("--folder", type=Path, help="where the queues lie (a folder on the disk to measure)")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _queue(options: argparse.Namespace) -> None:
    if not importlib.util.find_spec("persistqueue"):
        print("persist-queue is not installed, so it is left out.\n")
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with rivals.quiet(), tempfile.TemporaryDirectory(dir=options.folder) as name:
        for size in options.sizes:
            _single_table(size, Path(name))
        for size in options.sizes:
            _bulk_table(size, Path(name))


def _single_table(size: int, folder: Path) -> None:
    repetitions = _REPETITIONS.get(size, 20)
    costs = list(queue_costs.single_costs(size, repetitions, folder))
    ours = costs[0][2].whole
    _table(
        f"One film's way through queues of {size:,} entries, in ms (median of {repetitions})",
        ("store", "add", "hand out", "complete", "all three", "ours is", "remark"),
        [
            (
                name,
                f"{cost.add:.2f}",
                f"{cost.hand_out:.2f}",
                f"{cost.complete:.2f}",
                f"{cost.whole:.2f}",
                "" if cost.whole == ours else f"x {ours / cost.whole:.2f}",
                remark,
            )
            for name, remark, cost in costs
        ],
    )


def _bulk_table(size: int, folder: Path) -> None:
    costs = list(queue_costs.bulk_costs(size, folder))
    _table(
        f"{size:,} films at once, in µs a film",
        ("store", "queued", "recorded as done", "remark"),
        [(name, f"{cost.add:.1f}", f"{cost.complete:.1f}", remark) for name, remark, cost in costs],
    )


def _memory(options: argparse.Namespace) -> None:
    rows = []
    for films in options.films:
        queued, done, handed_over = daemon_costs.sync_costs(films, options.hand_over)
        rows.append(
            (
                f"first sync of {films:,} films" if films else "start, empty list",
                f"{queued.processor:.2f}",
                f"{queued.peak:.1f}",
                f"{handed_over:,}",
                f"{done.processor:.2f}",
                f"{done.resident:.1f}",
                f"{done.peak:.1f}",
                str(done.threads),
            )
        )
    _table(
        f"The daemon, with {daemon_costs.client_version()}: MB (10^6 bytes) and seconds of processor time",
        ("", "s until queued", "peak then", "handed over", "s until then", "resident", "peak", "threads"),
        rows,
    )


def _crowd(_options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cost = crowd.crowded_peak(Path(folder), crowd.CROWD)
    _table(
        "Everything at its largest at once: MB (10^6 bytes)",
        (
            "films listed",
            "files in the library",
            "torrents in the client",
            "files a torrent",
            "peak",
            "threads",
        ),
        [
            (
                f"{crowd.CROWD.films:,}",
                f"{crowd.CROWD.library_files:,}",
                f"{crowd.CROWD.torrents:,}",
                f"{crowd.CROWD.files_a_torrent:,}",
                f"{cost['VmHWM'] * 1024 / 1e6:.1f}",
                str(cost["Threads"]),
            )
        ],
    )


def _idle(options: argparse.Namespace) -> None:
    rows = []
    for words, films, with_client in (
        ("28 films are done", 28, False),
        ("5 torrents stand still in the client", 5, True),
    ):
        cost = daemon_costs.idle_cost(options.idle_seconds, films, with_client=with_client)
        rows.append((words, f"{cost.waiting:.4%}", f"{cost.check * 1e3:.0f} ms", f"{cost.an_hour:.4%}"))
    _table(
        f"The idle daemon, in shares of a core (measured over {options.idle_seconds:g} s)",
        ("", "waiting", "one check of the list", "an hour with one check"),
        rows,
    )


def _latency(options: argparse.Namespace) -> None:
    values = list(daemon_costs.latencies(options.films_timed))
    if not values:
        print("There is no qbittorrent-nox here, so the way into it is not measured.\n")
        return
    median, worst = daemon_costs.median_and_worst(values)
    _table(
        "From the look at the list to the torrent in qBittorrent, in seconds",
        ("films", "median", "worst"),
        [(str(len(values)), f"{median:.2f}", f"{worst:.2f}")],
    )


def _stop(options: argparse.Namespace) -> None:
    rows = []
    for words, seconds in (("services answer at once", 0.0), ("the tracker takes 2 s an answer", 2.0)):
        values = list(daemon_costs.stop_latencies(options.stops // 2, seconds_an_answer=seconds))
        median, worst = daemon_costs.median_and_worst(values)
        rows.append((words, str(len(values)), f"{median:.2f}", f"{worst:.2f}"))
    _table(
        "From SIGINT at a random moment to the end of the process, in seconds",
        ("", "times", "median", "worst"),
        rows,
    )


def _speed(_options: argparse.Namespace) -> None:
    rows = [(what, f"{rate:,.0f}", remark) for what, rate, remark in speed_costs.speeds(2.0)]
    _table("How many a second", ("", "a second", "remark"), rows)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    cells.insert(1, ["-" * max(width, 3) for width in widths])
    print(f"{title}:\n")
    for row in cells:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print(flush=True)


def _machine() -> str:
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model
        )
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    main()
