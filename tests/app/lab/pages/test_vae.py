import jax
import pytest

from neuraxis.app.lab import page


class _Visit:
    """A page that is driven until something holds, or for some batches, with the missions that are done by then."""

    def __init__(self):
        self.page = page.load("vae")
        self.state = self.page.module.start(self.page.controls(), jax.random.key(0))
        self.done = [False, False]

    def drive(self, batches, until=lambda self: False, **values):
        module, controls, end = self.page.module, self.page.controls(**values), self.state.batches + batches
        while self.state.batches < end and not until(self):
            self.state = module.step(self.state, controls)
            measures = module.measures(self.state, controls)
            self.done = [was or now.is_done(measures) for was, now in zip(self.done, self.page.missions, strict=True)]

    @property
    def kl(self):
        return self.state.parts[-1, 1]


@pytest.mark.slow
def test_a_cheap_code_reconstructs_better_and_bounds_worse():
    usual, cheap = _Visit(), _Visit()
    usual.drive(300)
    assert usual.done == [False, False]
    cheap.drive(1000, lambda visit: visit.done[0], beta=0.1)
    assert cheap.done == [True, False]
    assert cheap.state.parts[-1].sum() > usual.state.parts[-1].sum() + 0.5


@pytest.mark.slow
def test_a_collapsed_code_comes_back_when_it_is_cheap_for_a_while():
    visit = _Visit()
    visit.drive(500, lambda visit: visit.state.batches > 100 and visit.kl < 0.01, beta=6.0, learning_rate=0.01)
    visit.drive(800, lambda visit: visit.state.parts[-1, 0] < 23, beta=0.01, learning_rate=0.03)
    assert not visit.done[1]
    visit.drive(800, lambda visit: visit.done[1])
    assert visit.done[1]
