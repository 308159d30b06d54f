"""Take the picture of the lab that the pages show: `python docs/lab_picture.py`; it needs Chromium and Playwright."""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks._browser import CHROMIUM, FLAGS, served
from neuraxis.files import write_atomically

PICTURE = Path(__file__).parent / "images" / "lab.png"
_COLORS = 256  # as many as the figures have

with served("hodgkin-huxley") as address, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    tab = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5, color_scheme="light")
    tab.goto(address)
    tab.wait_for_function("+document.querySelector('#count')?.textContent.slice(5) > 200", timeout=120_000)
    shot = Image.open(io.BytesIO(tab.screenshot()))
    browser.close()
buffer = io.BytesIO()
shot.convert("RGB").quantize(_COLORS).save(buffer, "png", optimize=True)
write_atomically(PICTURE, buffer.getvalue())
