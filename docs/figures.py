"""Make the figures that the pages show: every experiment, at its quick settings, into docs/figures/.

`python docs/figures.py --full NAME…` takes the default settings and chosen experiments instead.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from neuraxis import experiments
from neuraxis.files import write_atomically
from neuraxis.runs import draw

FOLDER = Path(__file__).parent / "figures"


@dataclass(frozen=True)
class Options:
    """Which figures to make."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Experiments; all of them where none is given."""
    full: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take the default settings, which take minutes."""


def main(options: Options) -> None:
    """Run and draw."""
    for name in options.names or experiments.names():
        module = experiments.load(name)
        figures, _ = draw(module, module.run(module.Settings() if options.full else module.QUICK))
        for stem, png in figures.items():
            write_atomically(FOLDER / f"{name}-{stem}.png", png)


if __name__ == "__main__":
    main(tyro.cli(Options))
