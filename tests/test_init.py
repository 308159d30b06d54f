import subprocess
import sys

import pytest

import neuraxis


@pytest.mark.parametrize("name", sorted(neuraxis.__all__))
def test_every_name_can_be_had_from_the_top(name):
    assert getattr(neuraxis, name).__name__.split(".")[-1] == name
    assert name in dir(neuraxis)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="LFI"):
        _ = neuraxis.LFI


def test_importing_it_imports_no_jax():
    script = "import sys, neuraxis; raise SystemExit('jax' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
