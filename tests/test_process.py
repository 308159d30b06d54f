import subprocess
import sys

import pytest

from neuraxis import process
from neuraxis.errors import InputError


def in_a_new_process(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split("\n")


def test_settings_are_those_that_this_machine_knows():
    code = "import os\nfrom neuraxis import process\nprint(process.tune())\nprint(os.environ.get('XLA_FLAGS'))"
    said, flags, _ = in_a_new_process(code, XLA_FLAGS="--xla_a=1")
    assert flags.startswith("--xla_a=1")  # the user's own are kept
    assert ("convolutions by Eigen" in said) == ("ynn_fusion_type" in flags)
    if sys.platform == "linux":
        assert "freed memory kept" in said


def test_the_users_own_flag_stands():
    flag = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_INVALID"
    code = "import os\nfrom neuraxis import process\nprocess.tune()\nprint(os.environ['XLA_FLAGS'])"
    assert in_a_new_process(code, XLA_FLAGS=flag)[0] == flag


def test_short_runs_compile_less():
    code = "import os\nfrom neuraxis import process\nprint(process.tune(short=True))\nprint(os.environ['XLA_FLAGS'])"
    said, flags, _ = in_a_new_process(code)
    assert "loops not unrolled" in said
    assert "xla_cpu_disable_loop_unrolling" in flags


def test_too_late():
    import jax  # noqa: F401

    with pytest.raises(InputError, match="before jax is imported"):
        process.tune()


@pytest.mark.slow
def test_jax_starts_with_them():
    code = (
        "from neuraxis import process\nprocess.tune(short=True)\nimport jax, jax.numpy as jnp\nfrom jax import lax\n"
        "x, k = jnp.ones((1, 8, 8, 2)), jnp.ones((3, 3, 2, 4))\n"
        "order = ('NHWC', 'HWIO', 'NHWC')\n"
        "print(lax.conv_general_dilated(x, k, (1, 1), 'VALID', dimension_numbers=order)[0, 0, 0, 0])"
    )
    assert in_a_new_process(code)[0] == "18.0"


def test_the_least_of_all_limits_is_what_there_is(monkeypatch):
    monkeypatch.setattr(process, "_of_container", lambda: iter([5e9, 3e9]))
    assert process.memory() == 3e9
    monkeypatch.setattr(process, "_of_container", lambda: iter([]))
    assert 1e8 < process.memory() < 1e15


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
def test_a_limit_of_the_address_space_counts(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (10**8, resource.RLIM_INFINITY))
    assert process.memory() == 1e8


def test_precision_is_restored_and_others_are_refused(as_user):
    import jax

    before = jax.config.values["jax_default_matmul_precision"]
    with process.precision("bfloat16"):
        assert jax.config.values["jax_default_matmul_precision"] == "bfloat16"
    assert jax.config.values["jax_default_matmul_precision"] == before
    message = "precision must be one of float32, tensorfloat32, bfloat16, but is 'half'"
    with pytest.raises(InputError, match=message), process.precision("half"):
        pass


def test_short_flags_are_known():
    assert process.is_short(f"--xla_a=1 {process.NOT_UNROLLED}")
    assert not process.is_short("--xla_a=1")
