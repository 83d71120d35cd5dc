"""An explorer of a lesson: its picture, and the keys that move its sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.page import Notebook

PATIENCE = 60_000  # ms; busy machines draw slowly


def panel(lesson: Notebook, number: int) -> tuple[Locator, Locator]:
    """Return an explorer, the first has number 0, and its picture, once that is there."""
    explorer = lesson.page.locator(".course-explore").nth(number)
    explorer.locator("img").wait_for(timeout=PATIENCE)
    return explorer, explorer.locator("img")


def press(lesson: Notebook, explorer: Locator, name: str, *keys: str) -> str | None:
    """Press keys on the slider of a name, one after the other; return the words of the last picture."""
    picture = explorer.locator("img")
    for key in keys:
        before = picture.get_attribute("alt"), picture.get_attribute("src")
        explorer.get_by_role("slider", name=name, exact=True).focus()
        lesson.page.keyboard.press(key)
        lesson.page.wait_for_function(
            "([node, alt, src]) => node.getAttribute('alt') !== alt && node.getAttribute('src') !== src",
            arg=[picture.element_handle(), *before],
            timeout=PATIENCE,
        )
    return picture.get_attribute("alt")
