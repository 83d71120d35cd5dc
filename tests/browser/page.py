"""Chromium, and what a reader does in a notebook: open it, run it, look at it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

from tests.browser.server import Lab

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
NO_CHROMIUM = (
    "no Chromium found: install the package `chromium` (Debian, Ubuntu), or set the environment variable CHROME"
    " to the path of a Chromium or Chrome"
)
RUN_SECONDS = 180


def find_chromium() -> str | None:
    """Return the path of a Chromium: the one that CHROME names, or the first one on the path."""
    named = os.environ.get("CHROME")
    if named:
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium with a profile of its own, until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Notebook:
    """One notebook, open in one page; keeps every request that the page made and every error that it reported."""

    def __init__(self, browser: Browser, lab: Lab, name: str) -> None:
        self.lab = lab
        self.context = browser.new_context(viewport={"width": 1280, "height": 1000})
        self.context.set_default_timeout(RUN_SECONDS * 1000)  # playwright's own 30 s are few for a busy core
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(lab.page(name))
        self._wait_for_status("Idle")

    def close(self) -> None:
        """Close the page."""
        self.context.close()

    def run_all(self) -> None:
        """Run all cells and wait until the last one is done. (Run All is lost while the kernel is not idle.)"""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        self.page.locator(".jp-Notebook").first.click(position={"x": 5, "y": 5})
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].every((cell) => {
                const prompt = cell.querySelector('.jp-InputPrompt')?.textContent.trim() ?? '';
                const empty = (cell.querySelector('.cm-content')?.textContent ?? '').trim() === '';
                return empty || /^\\[\\d+\\]:?$/.test(prompt);
            })""",
            timeout=RUN_SECONDS * 1000,
        )
        assert cells.count(), "the notebook has no code cell"
        self._wait_for_status("Idle")

    def _wait_for_status(self, status: str) -> None:
        self.page.locator(f".jp-StatusBar-TextItem:has-text('{status}')").first.wait_for(timeout=RUN_SECONDS * 1000)

    def foreign_requests(self) -> list[str]:
        """Return the requests that left for another host than the server's own."""
        own = urlsplit(self.lab.url).netloc
        inside = ("data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(inside) and urlsplit(url).netloc != own]

    def error_outputs(self) -> list[str]:
        """Return the text of every traceback, failed widget and error panel on the page."""
        failed = self.page.locator(
            ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error'],"
            ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr'],"
            ".course-error:visible"
        ).all_inner_texts()
        broken = self.page.locator(".jp-OutputArea-output:has-text('Error displaying widget')").all_inner_texts()
        return failed + broken

    def screenshot(self, name: str, locator: Locator | None = None) -> None:
        """Store a picture in the folder that COURSE_SCREENSHOTS names, if it names one."""
        folder = os.environ.get("COURSE_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (locator or self.page).screenshot(path=Path(folder) / f"{name}.png")
