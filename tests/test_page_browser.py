"""The page in a real browser, beside a real daemon between stand-ins."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from house.browser import RunningPage, open_page, real_browser
from house.program import Household, cost_of
from house.town import town

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.waits


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with real_browser() as started:
        yield started
