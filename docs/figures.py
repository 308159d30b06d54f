"""The figures that the pages show: those of runs at default settings, kept in docs/figures/ by `make claims`."""

import re
from io import BytesIO
from pathlib import Path

from PIL import Image

from neuraxis.files import write_atomically

DOCS = Path(__file__).parent
FOLDER = DOCS / "figures"


def shown() -> set[str]:
    """Return the file names of all figures that stand on a page."""
    pages = (page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    return {name for page in pages for name in re.findall(r"figures/([\w-]+\.png)", page)}


def keep(name: str, run: Path) -> None:
    """Copy the figures of an experiment from the folder of its run, as far as pages show them."""
    on_pages = shown()
    for path in run.glob("*.png"):
        if (target := f"{name}-{path.name}") in on_pages:
            write_atomically(FOLDER / target, _small(path))


def _small(path: Path) -> bytes:
    """Return the picture with 256 colours, in less than half as many bytes."""
    buffer = BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
