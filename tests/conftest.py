"""Shared by all tests: one cache of compiled programs for the whole run, and functions called as users call them."""

import gc
import os
import subprocess
import sys
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path

# Before JAX is imported, so that all test processes and the programs they start share one cache for this run.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="neuraxis-tests-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
    if "NEURAXIS_TESTS_OPTIMIZED" not in os.environ:
        # Tests run small programs a few times: they spend their time on compiling, not on running. What users run, and
        # what is equal "to the last bit" there, `make test-optimized` sees.
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"
        if version("jaxlib").startswith("0.10."):  # later ones end the process at a flag that they do not know
            os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"  # small programs compile 40 % sooner
            # Two test processes keep both cores busy: splitting programs to compile their parts at once only costs.
            os.environ["XLA_FLAGS"] += " --xla_cpu_parallel_codegen_split_count=1"

# As `neuraxis run` has it: GPUs multiply in TF32 unless asked otherwise, too coarsely for most references.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")

import jax
import jaxtyping
import pytest
from hypothesis import settings
from jax._src.interpreters import mlir

# Tracing makes millions of small objects, which are freed without the garbage collector: it need not look at them so
# often, and never at what was imported.
gc.freeze()
gc.set_threshold(100_000, 20, 50)


class OnePerThread(threading.local):
    """A function without arguments that is called once in each thread."""

    def __init__(self, function):
        self.value = function()

    def __call__(self):
        return self.value


# A context of MLIR takes 5 ms to make and 2 MB, which JAX spends on each of the 15 000 programs of the tests. One for
# each thread serves them all. This function is not public: where a version of JAX lacks it, the tests only take longer.
if hasattr(mlir, "make_ir_context"):
    mlir.make_ir_context = OnePerThread(mlir.make_ir_context)

# Random examples are the same for everybody and on every day; `make fuzz` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile("same")


@pytest.fixture(scope="session")
def most_resident():
    """Return the memory that one of two test processes may fill [bytes]."""
    from neuraxis import process  # not earlier: the annotations of what is imported before the tests are not checked

    return process.memory() / 4


@pytest.fixture(scope="module", autouse=True)
def bounded_memory(most_resident):
    """Forget the compiled programs after a module where they have come to fill gigabytes."""
    from neuraxis import process

    yield
    status = Path("/proc/self/status")
    resident = status.read_text().partition("VmRSS:")[2].split()[:1] if status.exists() else ["0"]  # [kB]
    if 1024 * int(resident[0]) > most_resident:
        jax.clear_caches()
        process.give_back_freed_memory()


@pytest.fixture
def as_user():
    """Turn the type checks of the tests off, so that bad input meets the library's own errors, as a user's does."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def neuraxis(tmp_path):
    """Run the real program in an empty folder: `neuraxis("run", "lif")` gives its exit code and what it wrote."""

    def run(*arguments: str, timeout: float = 120, **options) -> subprocess.CompletedProcess:
        command = [str(Path(sys.executable).with_name("neuraxis")), *arguments]
        environment = {**os.environ, "COLUMNS": "120", "NO_COLOR": "1", **options.pop("env", {})}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout, **options
        )

    return run
