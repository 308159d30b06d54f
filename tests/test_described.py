import pydoc
from dataclasses import dataclass

import pytest

import neuraxis
from neuraxis import layers
from neuraxis.described import meanings


@dataclass(frozen=True)
class Made:
    """Settings."""

    tau_m: float = 20.0
    """Time
    constant [ms]."""
    sizes: tuple[int, ...] = (1,)
    """Sizes."""


def test_meanings():
    @dataclass
    class Made:
        """Another one, not at the top of the file."""

        x: float = 1.0
        """Place."""

    assert meanings(globals()["Made"]) == {"tau_m": "Time constant [ms].", "sizes": "Sizes."}
    assert meanings(Made) == {"x": "Place."}


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (neuraxis.LIF, "    tau_ref = 2.0: Refractory period [ms]."),
        (neuraxis.HodgkinHuxley, "    g_na = 120.0: Maximum Na⁺ conductance [mS/cm²]."),
        (neuraxis.ModernHopfield, "    patterns: Stored patterns X (pattern, feature)."),
    ],
)
def test_help_shows_the_parameters(model, line):
    lines = [text.removeprefix(" |  ") for text in pydoc.plain(pydoc.render_doc(model)).splitlines()]
    assert line in lines[lines.index("Parameters:") :]


def test_what_the_docstring_tells_of_arguments_is_not_said_twice():
    assert "Args:" in neuraxis.VAE.__doc__
    assert not any("Parameters:" in cls.__doc__ for cls in (neuraxis.VAE, layers.TransposedConvolution))
