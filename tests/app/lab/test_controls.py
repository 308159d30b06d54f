from dataclasses import dataclass

import numpy as np
import pytest

from neuraxis.app.lab import button, choice, controls, drawing, pixels, rows, slider, switch, table, text
from neuraxis.errors import InputError


@dataclass(frozen=True)
class Controls:
    current: float = slider(10.0, 0.0, 180.0, symbol="J")
    """Injected current [µA/cm²]."""
    size: int = slider(100, 1, 1000, restarts=True)
    """Number of neurons."""
    kind: str = choice("relu", ("relu", "tanh"))
    """Activation function."""
    noisy: bool = switch(False)
    """Noise."""
    recall: int = button()
    """Recall."""
    words: str = text("hello", 10)
    """Text."""
    letters: str = text("ab", alphabet="abc")
    """Letters."""
    digit: str = drawing("0f" * 4, 2, 4)
    """Digit."""
    points: str = table(("x", "y"))
    """Points."""


def test_labels_and_units_come_from_docstrings():
    found = controls.labels(Controls)
    assert found["current"] == ("Injected current", "µA/cm²")
    assert found["size"] == ("Number of neurons", "")


def test_values_survive_as_text():
    values = Controls(12.25, 7, "tanh", True, 3, "né\nx", "cab", "f" * 8, "1,2\n3,4")
    assert controls.read_all(Controls, controls.write_all(values)) == (values, [])


def test_nonsense_is_left_at_its_default_and_said():
    values, ignored = controls.read_all(Controls, {"current": "much", "size": "7.5", "foo": "1", "kind": "tanh"})
    assert values == Controls(kind="tanh")
    assert ignored == [
        "Injected current must be a number, but is 'much'",
        "Number of neurons must be a whole number, but is '7.5'",
        "there is no control called 'foo'",
    ]


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("current", "181", "must be between 0 and 180, but is 181"),
        ("current", "nan", "must be between 0 and 180, but is nan"),
        ("current", "inf", "must be between 0 and 180, but is inf"),
        ("kind", "gelu", "must be one of relu, tanh, but is 'gelu'"),
        ("noisy", "yes", "must be on or off, but is 'yes'"),
        ("recall", "-1", "must be a number of presses, but is '-1'"),
        ("words", "hello world", "must have at most 10 characters, but has 11"),
        ("words", "  ", "must not be empty"),
        ("words", "a\0b", "its character 2 is not printable"),
        ("letters", "abd", "must have only characters of the training text, but its character 3 is 'd'"),
        ("digit", "0f", "must be 8 hexadecimal digits, one per pixel, but is '0f'"),
        ("digit", "0123456x", "must be 8 hexadecimal digits"),
        ("points", "1,2\n3", "must have one number for each of x, y in every line, but line 2 is '3'"),
        ("points", "x,y", "must have rows of x, y, but has none"),
        ("points", "1,nan", "but line 1 is '1,nan'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(name, written, said):
    with pytest.raises(InputError) as caught:
        controls.read(Controls, name, written)
    assert said in str(caught.value)
    assert str(caught.value).startswith(controls.labels(Controls)[name][0])


def test_pixels_are_shares_of_the_darkest():
    np.testing.assert_allclose(pixels("0f5a", 2, 2), [[0, 1], [1 / 3, 2 / 3]], rtol=1e-6)


def test_rows_pass_over_names_and_take_semicolons_and_tabs():
    np.testing.assert_array_equal(rows("x;y\n1;2\n\n3\t4\n", ("x", "y")), [[1, 2], [3, 4]])


def test_a_table_has_a_largest_size():
    with pytest.raises(InputError, match="at most 2000 rows, but has 2001"):
        controls.read(Controls, "points", "1,2\n" * 2001)
    with pytest.raises(InputError, match="at most 200000 characters"):
        controls.read(Controls, "points", "1,2\n" * 60_000)
