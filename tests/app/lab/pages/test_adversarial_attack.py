import jax
import numpy as np
import pytest

from neuraxis.app.lab import page

# A thin 0 in the form of the pad.
ZERO = "".join(
    2 * "".join(2 * level for level in row)
    for row in (
        "0058a500",
        "00cfbb00",
        "01f80830",
        "03f60660",
        "03a10560",
        "00b00a60",
        "00d5be10",
        "006fc200",
    )
)


@pytest.mark.slow
def test_a_small_change_fools_the_usual_network_and_a_larger_one_both():
    found = page.load("adversarial-attack")
    module, controls = found.module, found.controls()
    state = module.start(controls, jax.random.key(0))
    while state.learnt < module.LEARNING:
        state = module.step(state, controls)
    read = np.argmax(state.attack.answers, axis=-1)
    assert read[:, 0].tolist() == [2, 2]
    assert read[1, -1] == 2 != read[0, -1]

    def done(**values):
        controls = found.controls(**values)
        attacked = module.step(state, controls)._replace(shown=module.LONGEST)
        return [mission.is_done(module.measures(attacked, controls)) for mission in found.missions]

    assert done() == [False, False]
    assert done(epsilon=0.14) == [True, False]
    assert done(epsilon=0.05, digit=ZERO, label=0) == [False, False]
    assert done(epsilon=0.15, digit=ZERO, label=0)[1]
