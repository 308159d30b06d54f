import numpy as np
import pytest

from neuraxis.generative import Noise, V, Velocity, cosine, straight
from neuraxis.generative.parametrisations import clean_and_noise, target

random = np.random.default_rng(0)


@pytest.mark.parametrize("what", [Noise(), V(), Velocity()], ids=lambda what: type(what).__name__)
@pytest.mark.parametrize("schedule", [cosine(10), straight(10)], ids=["cosine", "straight"])
def test_says_what_was_put_in(what, schedule):
    level = schedule.at(np.arange(1, 10))
    clean, noise = random.normal(size=(2, 9)).astype(np.float32)
    x = schedule.noised(clean, np.arange(1, 10), noise)
    weights = what.weights(level)
    found = clean_and_noise(weights, level, x, target(weights, clean, noise))
    np.testing.assert_allclose(found, (clean, noise), rtol=1e-3, atol=1e-4)


def test_are_those_of_the_papers():
    level = cosine(10).at(3)
    a, s, x, noise = *map(float, level), 0.3, -1.2
    assert target(Noise().weights(level), x, noise) == pytest.approx(noise)
    assert target(V().weights(level), x, noise) == pytest.approx(a * noise - s * x)
    assert target(Velocity().weights(level), x, noise) == pytest.approx(noise - x)


def test_the_velocity_is_the_slope_of_the_straight_path():
    schedule = straight(100)
    here, there = (schedule.noised(np.float32(0.3), t, np.float32(-1.2)) for t in (40, 41))
    assert (there - here) * 100 == pytest.approx(
        float(target(Velocity().weights(schedule.at(40)), 0.3, -1.2)), rel=1e-3
    )
