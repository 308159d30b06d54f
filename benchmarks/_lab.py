"""The lab in a real browser, as the benchmarks of it measure it: in headless Chromium, from outside.

The work of the lab's server and of Chromium, other processes than this one, counts as that of others in the table.
"""

import atexit
import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks._browser import CHROMIUM, FLAGS, served
from benchmarks.harness import NotHereError

# From a slider's event to the first animation frame after a picture with its value [ms].
_LATENCY = """([name, value]) => new Promise((done) => {
  const began = performance.now();
  window.lab.set(name, value);
  const look = () => {
    if (+window.lab.shown[name] === value) done(performance.now() - began);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
# The mean time between two pictures [ms].
_PICTURES = """(seconds) => new Promise((done) => {
  const began = performance.now(), first = window.lab.pictures;
  setTimeout(() => done((performance.now() - began) / (window.lab.pictures - first)), 1000 * seconds);
})"""


def latency(page: str, control: str, low: float, high: float) -> Callable[[], float]:
    """Return what moves a slider of a page once and returns how long the picture took [s]."""
    tab, values = _tab(page), random.Random(0)
    return lambda: tab.evaluate(_LATENCY, [control, round(values.uniform(low, high), 3)]) / 1000


def between_pictures(page: str, seconds: float) -> Callable[[], float]:
    """Return what watches a page and returns the mean time between two pictures [s]."""
    tab = _tab(page)
    return lambda: tab.evaluate(_PICTURES, seconds) / 1000


def _tab(page: str) -> Any:
    """Open a page of a lab of its own in Chromium, and wait until it moves."""
    if CHROMIUM is None:
        raise NotHereError("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    open_things = ExitStack()
    atexit.register(open_things.close)
    address = open_things.enter_context(served(page))
    playwright = open_things.enter_context(sync_playwright())
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    open_things.callback(browser.close)
    tab = browser.new_page()
    tab.goto(address)
    tab.wait_for_function("window.lab?.pictures > 30", timeout=120_000)
    return tab
