"""Monitoring of training: the reports of `fit`, and callbacks that write them to tables and to TensorBoard."""

import csv
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuraxis import check
from neuraxis.errors import InputError


@dataclass(frozen=True)
class Report:
    """What a callback of `fit` receives."""

    step: int  # number of steps since the beginning of training
    epoch: int  # number of completed epochs
    losses: dict[str, float]  # means over this epoch's examples so far; at its end, also those on the validation data
    seconds: float  # since this call of `fit` began [s]
    ends_epoch: bool  # whether the report is at the end of an epoch


class CSVWriter:
    """A callback of `fit` that writes a table with one row for each number of a report.

    Each report is written before training continues, so that a run that is killed loses none. Rows are appended to an
    existing file; a resumed run writes those since its checkpoint again.

    Raises:
        InputError: if the file exists and has other columns.
    """

    COLUMNS = ("step", "epoch", "seconds", "name", "value")

    def __init__(self, path: Path | str):
        self.path = check.path("path", path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        header = ",".join(self.COLUMNS)
        content = self.path.read_bytes() if self.path.exists() else b""
        if not content:
            self.path.write_text(f"{header}\n", encoding="utf-8")
        elif (found := content.decode(errors="replace").splitlines()[0]) != header:
            raise InputError(f"{self.path} must have the columns {header}, but begins with {found!r}")
        elif not content.endswith(b"\n"):  # drop an incomplete row left by a killed run
            self.path.write_bytes(content[: content.rfind(b"\n") + 1])

    def __call__(self, report: Report) -> None:
        """Append the rows of a report."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            for name, value in report.losses.items():
                rows.writerow((report.step, report.epoch, f"{report.seconds:.3f}", name, float(value)))


class TensorBoardWriter:
    """A callback of `fit` that writes curves for TensorBoard, each under its name.

    Each report is written to disk before training continues. Every writer creates its own file in the folder; of older
    files, TensorBoard then shows only the steps before the first one of the writer, so that a resumed run continues the
    curves of the original one. Use as a context manager, or call `close`; otherwise it is closed when the program ends.

    Raises:
        InputError: if the package tensorboardX is not installed.
    """

    def __init__(self, folder: Path | str):
        self._protocol, self._scalar, writer = _tensorboard()
        self._begun = False
        folder = check.path("folder", folder)
        folder.mkdir(parents=True, exist_ok=True)
        # With the time in its name, as a second writer in the same second would overwrite the file of the first.
        self._events = writer(str(folder / "events"), f".{time.time_ns()}")
        self._close = weakref.finalize(self, self._events.close)

    def __call__(self, report: Report) -> None:
        """Write the numbers of a report."""
        if not self._begun:
            begin = self._protocol.SessionLog(status=self._protocol.SessionLog.START)
            self._write(report.step, session_log=begin)
            self._begun = True
        for name, value in report.losses.items():
            self._write(report.step, summary=self._scalar(name, float(value)))
        self._events.flush()

    def _write(self, step: int, **content: Any) -> None:
        self._events.write_event(self._protocol.Event(step=step, wall_time=time.time(), **content))

    def close(self) -> None:
        """Close the file; further calls have no effect."""
        self._close()

    def __enter__(self) -> "TensorBoardWriter":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _tensorboard() -> tuple[Any, Any, Any]:
    """Import a writer without delay: the package's own `SummaryWriter` uses a queue and a separate thread."""
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2
        from tensorboardX.summary import scalar
    except ImportError as error:
        raise InputError("TensorBoardWriter needs tensorboardX: pip install 'neuraxis[tensorboard]'") from error
    return event_pb2, scalar, EventsWriter
