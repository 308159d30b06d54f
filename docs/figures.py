"""Make the figures that the pages show: every experiment, at its quick settings, into docs/figures/.

`python docs/figures.py --full NAME…` takes the default settings and chosen experiments instead.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from neuraxis import experiments
from neuraxis.app.runs import draw
from neuraxis.files import write_atomically

FOLDER = Path(__file__).parent / "figures"


@dataclass(frozen=True)
class Options:
    """Which figures to make."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Experiments; all of them where none is given."""
    full: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take the default settings, which take minutes."""


def main(options: Options) -> None:
    """Run and draw, and see that every figure on a page is there."""
    for name in options.names or experiments.names():
        module = experiments.load(name)
        figures, _ = draw(module, module.run(module.Settings() if options.full else module.QUICK))
        for stem, png in figures.items():
            write_atomically(FOLDER / f"{name}-{stem}.png", png)
    for page in FOLDER.parent.rglob("*.md"):
        for figure in re.findall(r"\.\./figures/([\w-]+\.png)", page.read_text(encoding="utf-8")):
            if not (FOLDER / figure).exists() and not options.names:
                sys.exit(f"{page} shows {figure}, which no experiment draws")


if __name__ == "__main__":
    main(tyro.cli(Options))
