"""The parts of an experiment one after the other, with a progress bar."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from neuraxis.engine.progress import Progress

Part = TypeVar("Part")


def stages(label: str, parts: Sequence[Part]) -> Iterator[Part]:
    """Hand out one part after the other, and show how many are done."""
    with Progress(len(parts), label) as bar:
        for part in parts:
            yield part
            bar.advance(1)
