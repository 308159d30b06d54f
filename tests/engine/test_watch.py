import csv
import subprocess
import sys
from pathlib import Path

import pytest

from neuraxis.engine.watch import CSVWriter, Report, TensorBoardWriter
from neuraxis.errors import InputError

REPORTS = [
    Report(10, 0, {"loss": 0.5}, 1.25, False),
    Report(20, 1, {"loss": 0.25, "validation_loss": 0.375, "accuracy": 0.9}, 2.5, True),
    Report(30, 1, {"loss": 1 / 3}, 3.0, False),
]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_has_a_row_for_each_number_at_once(tmp_path):
    path = tmp_path / "new" / "losses.csv"
    writer = CSVWriter(path)
    for i, report in enumerate(REPORTS):
        writer(report)
        assert rows(path)[-1]["step"] == str(REPORTS[i].step)
    kinds = (int, int, float, str, float)
    assert [tuple(kind(v) for kind, v in zip(kinds, row.values(), strict=True)) for row in rows(path)] == [
        (10, 0, 1.25, "loss", 0.5),
        (20, 1, 2.5, "loss", 0.25),
        (20, 1, 2.5, "validation_loss", 0.375),
        (20, 1, 2.5, "accuracy", 0.9),
        (30, 1, 3.0, "loss", 1 / 3),
    ]


def test_a_table_goes_on_and_half_a_row_of_a_killed_run_is_cut_off(tmp_path):
    path = tmp_path / "losses.csv"
    CSVWriter(str(path))(REPORTS[0])
    with path.open("a") as file:
        file.write("20,1,2.")
    CSVWriter(path)(REPORTS[2])
    assert [row["step"] for row in rows(path)] == ["10", "30"]


def test_a_file_with_other_columns_is_left_alone(tmp_path):
    path = tmp_path / "losses.csv"
    path.write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(InputError, match="have the columns step,epoch,seconds,name,value, but begins with 'epoch,l"):
        CSVWriter(path)
    assert path.read_text() == "epoch,loss\n1,0.5\n"


def events(folder: Path) -> list:
    """Read TensorBoard's files by their format: length, its checksum, a protocol buffer, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        while content:
            size = int.from_bytes(content[:8], "little")
            found.append(Event.FromString(content[12 : 12 + size]))
            content = content[16 + size :]
    return found


def curves(folder: Path) -> list[tuple[str, int, float]]:
    return [(v.tag, e.step, v.simple_value) for e in events(folder) for v in e.summary.value]


def test_curves_for_tensorboard_are_on_the_disk_at_once(tmp_path):
    with TensorBoardWriter(tmp_path / "new" / "run") as writer:
        writer(REPORTS[0])
        assert curves(tmp_path / "new" / "run") == [("loss", 10, 0.5)]
        writer(REPORTS[1])
        assert curves(tmp_path / "new" / "run")[1:] == [
            ("loss", 20, 0.25),
            ("validation_loss", 20, 0.375),
            ("accuracy", 20, pytest.approx(0.9)),
        ]
    writer.close()
    assert all(event.wall_time > 0 for event in events(tmp_path / "new" / "run"))


def test_curves_of_a_resumed_run_are_in_a_file_of_their_own(tmp_path):
    for report in (REPORTS[0], REPORTS[2]):
        with TensorBoardWriter(tmp_path) as writer:
            writer(report)
    assert len(list(tmp_path.iterdir())) == 2
    assert curves(tmp_path) == [("loss", 10, 0.5), ("loss", 30, pytest.approx(1 / 3))]
    begins = [event.step for event in events(tmp_path) if event.HasField("session_log")]
    assert begins == [10, 30]


def test_without_the_package_it_says_what_to_install(tmp_path):
    """In a program of its own, where the package is hidden: the library itself does without it."""
    program = """
import sys
sys.modules["tensorboardX"] = None
from neuraxis.engine.watch import TensorBoardWriter
try:
    TensorBoardWriter("run")
except ValueError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "TensorBoardWriter needs tensorboardX: pip install 'neuraxis[tensorboard]'"
    assert list(tmp_path.iterdir()) == []
