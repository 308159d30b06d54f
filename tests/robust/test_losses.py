import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.robust import cross_entropy, dlr, margin
from neuraxis.robust.losses import loss_of

z = jax.random.normal(jax.random.key(0), (9, 5)) * 3
labels = jnp.arange(9) % 5
targets = (labels + 2) % 5


def loop(of):
    rows = zip(np.asarray(z, float), np.asarray(labels), np.asarray(targets), strict=True)
    return np.array([of(row, label, target) for row, label, target in rows])


def log_softmax(row):
    return row - np.log(np.sum(np.exp(row)))


def largest_but(row, k):
    return np.delete(row, k).max()


def test_they_are_what_they_say():
    close = lambda ours, of: np.testing.assert_allclose(ours, loop(of), rtol=1e-4)
    close(cross_entropy(z, labels), lambda row, y, t: -log_softmax(row)[y])
    close(cross_entropy(z, labels, targets), lambda row, y, t: log_softmax(row)[t])
    close(margin(z, labels), lambda row, y, t: largest_but(row, y) - row[y])
    close(margin(z, labels, targets), lambda row, y, t: row[t] - largest_but(row, t))
    down = lambda row: np.sort(row)[::-1]
    close(dlr(z, labels), lambda row, y, t: (largest_but(row, y) - row[y]) / (down(row)[0] - down(row)[2]))
    close(
        dlr(z, labels, targets),
        lambda row, y, t: (row[t] - row[y]) / (down(row)[0] - (down(row)[2] + down(row)[3]) / 2),
    )


def test_dlr_does_not_care_about_scale():
    np.testing.assert_allclose(dlr(1e6 * z + 10, labels), dlr(z, labels), rtol=1e-3)
    np.testing.assert_allclose(dlr(1e6 * z, labels, targets), dlr(z, labels, targets), rtol=1e-4)
    assert np.all(np.isfinite(dlr(jnp.zeros((2, 5)), jnp.zeros(2, int))))


def test_bad_losses_are_refused(as_user):
    for call, words in (
        (lambda: dlr(z[:, :2], labels % 2), "needs 3 classes, but the model has 2; margin needs only two"),
        (lambda: dlr(z[:, :3], labels % 3, targets % 3), "needs 4 classes"),
        (
            lambda: loss_of(lambda z, y: jnp.mean(z), z, labels, None),
            r"one value per example, shape \(9,\), but returned",
        ),
        (lambda: loss_of(lambda z, y: z[:, 0], z, labels, targets), r"loss must be a function of \(logits, labels, t"),
    ):
        with pytest.raises(InputError, match=words):
            call()
