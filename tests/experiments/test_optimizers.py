import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import optimizers
from neuraxis.experiments.optimizers.batch_sizes import _when

SETTINGS = optimizers.QUICK


@pytest.fixture(scope="module")
def result():
    return optimizers.run(SETTINGS)


def test_claims(result):
    """All but the time of the full batch, which a small data set on a busy machine does not show surely."""
    failed = {claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)}
    assert failed <= {"full_batch_time_ratio"}


def test_the_race_ends_at_the_loss(result):
    for one in result.arrays["races"]:
        assert min(one.losses) <= SETTINGS.target_loss < one.losses[0]
        assert 0 < one.epochs < len(one.losses)
        assert one.learning_rate in SETTINGS.learning_rates
    full = result.arrays["races"][-1]
    assert full.steps == full.epochs


def test_the_loss_is_crossed_between_two_epochs():
    assert _when(np.exp([0.0, -1.0, -3.0]), float(np.exp(-2.0))) == pytest.approx(1.5)
    assert _when(np.exp([0.0, -1.0, -3.0]), float(np.exp(-1.0))) == pytest.approx(1)


def test_figures(result):
    figures = optimizers.plot(result)
    assert list(figures) == ["valley", "decay", "landscape", "batch-sizes"]
    for place in (0, 1):
        sizes = figures["batch-sizes"].axes[place].lines[0].get_xdata()
        assert list(sizes) == [one.batch_size for one in result.arrays["races"]]


@pytest.mark.slow
def test_a_loss_out_of_reach_is_refused():
    wrong = dataclasses.replace(SETTINGS, learning_rates=(1e12,))
    with pytest.raises(InputError, match="with batches of 8 every learning rate of"):
        optimizers.run(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"condition": 1.0}, "condition must be more than 1, but is 1.0"),
        ({"batch_sizes": (0,)}, "batch_sizes must be an integer"),
        ({"learning_rates": ()}, "learning_rates must name at least one"),
        ({"learning_rates": (-0.1,)}, "learning_rates must be positive"),
        ({"target_loss": 0.0}, "target_loss must be positive"),
        ({"beta": 1.0}, "beta must lie in"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **wrong)
