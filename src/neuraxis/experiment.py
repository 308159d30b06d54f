"""What every experiment gives back: numbers, the claims they must meet, and the arrays its figures are drawn from."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Relation = Literal["<=", "<", ">=", ">"]
_HOLDS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True)
class Claim:
    """A bound that a metric of a default run must keep, such as `Claim("accuracy", ">=", 0.98)`."""

    metric: str
    relation: Relation
    bound: float

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Say whether the metric keeps the bound (NaN never does)."""
        return bool(_HOLDS[self.relation](metrics[self.metric], self.bound))


@dataclass(frozen=True)
class Result:
    """What `run(settings)` of an experiment returns and `plot(result)` draws."""

    metrics: dict[str, float]
    claims: tuple[Claim, ...]
    arrays: dict[str, Any] = field(default_factory=dict)  # whatever `plot` needs
    model: Any = None  # what was trained, saved into the run folder
    data: str = ""  # the data that were used, in words


@dataclass(frozen=True)
class Session:
    """How to run, as against what: for experiments that train long enough to be interrupted or shared out."""

    folder: Path | None = None  # where checkpoints go; None keeps none
    resume: bool = False  # go on from the checkpoint in `folder`
    mesh: Any = None  # a `jax.sharding.Mesh` over whose axis "data" batches are sharded
    progress: bool = True  # show a progress bar

    def training(self, label: str, name: str = "checkpoint") -> dict[str, Any]:
        """Give the arguments of `fit` that follow from this session: its checkpoint, mesh and progress bar."""
        return {
            "checkpoint": self.folder / f"{name}.safetensors" if self.folder else None,
            "resume": self.resume,
            "mesh": self.mesh,
            "progress": label if self.progress else None,
        }
