"""Let every generative model make digits, score them by one classifier, and write the table into generated-images.md.

With `--runs FOLDER` what it runs is kept there, and what lies there is not run again.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tyro

from neuraxis.experiments.shared import scorer
from neuraxis.files import write_atomically
from runs import run_once

PAGE = Path(__file__).parent / "generated-images.md"
NAMES = {"vae": "VAE", "diffusion": "diffusion", "rbm": "RBM", "gan": "GAN"}
NEEDS_A_GPU = {("diffusion", "mnist")}
TEXT = """# Generated images

How a classifier trained on real images judges those that the models generate: how confident it is (the mean of the
largest class probability), how many classes receive at least 1 % of the images, how evenly the images are spread over
the classes (the entropy of the mean class distribution, at most ln 10 = 2.30 nats), and how far its features lie from
those of real test images (Fréchet distance). Other test images and noise mark the two ends of the scale. The models
have default settings; `python docs/generated_images.py` writes this page.

A classifier can be confident about noise, too: what gives it away is the distance, and that it falls into few classes.
"""


def main(runs: Path | None = None) -> int:
    """Write the page.

    Args:
        runs: where runs are kept, and taken from where they are done already; by default, all run anew.
    """
    failed = False
    parts = [TEXT]
    with TemporaryDirectory() as temporary:
        for data, title in (("mnist", "MNIST, 28×28"), ("digits", "scikit-learn's digits, 8×8")):
            found = {}
            for name in NAMES:
                folder = (runs or Path(temporary)) / f"{name}-{data}"
                if (name, data) in NEEDS_A_GPU and not folder.exists():
                    continue
                found[name] = run_once(folder, name, "--data", data)
                failed |= found[name] is None
            parts.append(section(title, data, {name: run for name, run in found.items() if run is not None}))
    write_atomically(PAGE, "\n".join(parts))
    return 1 if failed else 0


def section(title: str, data: str, runs: dict[str, dict[str, Any]]) -> str:
    """Write the table of a data set."""
    ends = {name: scores.metrics() for name, scores in scorer.table(scorer.load(data), {}).items()}
    rows = [_row("test images", ends["test images"], "")]
    for name, label in NAMES.items():
        if name in runs:
            rows.append(_row(label, runs[name]["metrics"], f"{runs[name]['seconds']:.0f} s, {runs[name]['device']}"))
        else:
            rows.append(f"| {label} | | | | | not run: it needs a GPU |")
    head = ["| images | confidence | classes | class entropy [nats] | Fréchet distance | run |", "| --- " * 6 + "|"]
    return "\n".join([f"## {title}", "", *head, *rows, _row("noise", ends["noise"], ""), ""])


def _row(label: str, scores: dict[str, Any], run: str) -> str:
    formats = {"confidence": ".3f", "classes": ".0f", "class_entropy": ".2f", "frechet_distance": ".1f"}
    cells = (f"{scores[name]:{how}}" for name, how in formats.items())
    return f"| {label} | {' | '.join(cells)} | {run} |"


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
