"""A real browser, Debian's Chromium driven by Playwright, and the page as its own process."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import pytest

from house.program import PROGRAM, Household

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    expect = sync_playwright = None

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_STOP_SECONDS = 10.0
WIDTHS = (360, 768, 1440)


@contextmanager
def real_browser() -> Iterator["Browser"]:
    """Start it; skip the test where it or what drives it is missing, but fail it under CI."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if sync_playwright is None:
        _missing("no playwright: pip install -e '.[browser]'")
    if program is None:
        _missing(f"none of {', '.join(_NAMES)} on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class RunningPage:
    """`web` on a household's data folder, as its own process. Use it as a context manager."""

    def __init__(self, household: Household, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "--data-dir", str(household.data), "web", "--listen", "127.0.0.1:0", *options],
            env=household.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        lines = iter(self.process.stdout.readline, "")
        self.login = next((line.strip() for line in lines if line.startswith("http://")), "")
        if not self.login:
            self.stop()
            raise AssertionError(self.errors)
        self.address = self.login.partition("/login/")[0]
        self.errors = ""

    def stop(self) -> int:
        """End it as Ctrl+C does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        _, self.errors = self.process.communicate(timeout=_STOP_SECONDS)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def open_page(browser: "Browser", page: RunningPage, **options: Any) -> "Page":
    """Log in with a context of its own; what the console says that is wrong fails the test at its end."""
    made = browser.new_context(**options).new_page()
    made.goto(page.login)
    return made
