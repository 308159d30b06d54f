import jax
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.spiking.connectivity import Projection, fixed_fan_out, fixed_probability, from_matrix

KEY = jax.random.key(3)


def test_each_pair_is_connected_with_the_same_probability():
    p = fixed_probability(slice(5, 405), slice(0, 1000), 0.03, key=KEY)
    pairs = np.zeros((405, 1000))
    np.add.at(pairs, (p.source, p.target), 1)
    assert pairs.max() == 1
    assert pairs[:5].sum() == 0
    expected, spread = 0.03 * 400 * 1000, np.sqrt(0.03 * 0.97 * 400 * 1000)
    assert abs(pairs.sum() - expected) < 4 * spread
    # In- and out-degrees are binomial: mean and variance within four standard errors.
    for degrees, n in ((pairs[5:].sum(1), 1000), (pairs.sum(0), 400)):
        variance = n * 0.03 * 0.97
        assert abs(degrees.mean() - n * 0.03) < 4 * np.sqrt(variance / len(degrees))
        assert abs(degrees.var() / variance - 1) < 4 * np.sqrt(2 / len(degrees))


@pytest.mark.parametrize(("probability", "count"), [(0.0, 0), (1.0, 12)])
def test_a_probability_of_zero_or_one_is_certain(probability, count):
    p = fixed_probability(slice(0, 3), slice(0, 4), probability, key=KEY)
    assert len(p.source) == count


@given(rows=st.integers(1, 9), columns=st.integers(1, 30), share=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_a_fixed_fan_out_is_that_many_different_targets(rows, columns, share, seed):
    fan_out = max(1, round(share * columns))
    p = fixed_fan_out(slice(2, 2 + rows), slice(7, 7 + columns), fan_out, key=jax.random.key(seed))
    np.testing.assert_array_equal(p.source, 2 + np.repeat(np.arange(rows), fan_out))
    for row in p.target.reshape(rows, fan_out):
        assert len(set(row)) == fan_out
        assert row.min() >= 7
        assert row.max() < 7 + columns


@pytest.mark.parametrize("fan_out", [2, 6])
def test_all_targets_are_as_likely(fan_out):
    p = fixed_fan_out(slice(0, 20_000), slice(0, 8), fan_out, key=KEY)
    expected = 20_000 * fan_out / 8
    found = np.bincount(p.target, minlength=8)
    assert np.all(np.abs(found - expected) < 4 * np.sqrt(expected))


def test_one_key_gives_one_network():
    make = lambda seed: fixed_probability(slice(0, 50), slice(0, 50), 0.2, key=jax.random.key(seed))
    np.testing.assert_array_equal(make(1).target, make(1).target)
    assert len(make(1).target) != len(make(2).target) or np.any(make(1).target != make(2).target)


@pytest.mark.parametrize("form", [scipy.sparse.csr_matrix, scipy.sparse.coo_array, scipy.sparse.csc_array, np.asarray])
def test_a_matrix_of_weights_is_read(form):
    dense = np.array([[0, 2.5, 0], [-1, 0, 3]])
    p = from_matrix(form(dense), source=slice(4, 6), target=slice(10, 13), delay=1.5, receptor=1)
    found = np.zeros((6, 13))
    found[p.source, p.target] = p.weight
    np.testing.assert_array_equal(found[4:, 10:], dense)
    assert (p.delay, p.receptor, len(p.source)) == (1.5, 1, 3)
    assert from_matrix(form(dense)).source.min() == 0


def test_zeros_that_a_sparse_matrix_stores_are_no_connections():
    matrix = scipy.sparse.coo_array(([0.0, 2.0], ([0, 1], [1, 2])), shape=(3, 3))
    assert from_matrix(matrix).source.tolist() == [1]


@pytest.mark.usefixtures("as_user")
def test_a_list_without_connections():
    assert len(Projection([], [], 1.0).source) == 0


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Projection(np.array([0, -1]), np.array([0, 1])),
            "source must hold indices of neurons, from 0 on, but holds -1",
        ),
        (lambda: Projection(np.array([0]), np.array([0.5])), "target must be a list of integers"),
        (lambda: Projection(np.array([[0]]), np.array([[0]])), "source must be a list of integers"),
        (lambda: Projection(np.array([0, 1]), np.array([0])), "one entry a connection"),
        (lambda: Projection(np.array([0, 1]), np.array([0, 1]), weight=np.array([1.0])), "one entry a connection"),
        (lambda: Projection(np.array([0]), np.array([0]), weight=np.nan), "weight must be finite, but holds nan"),
        (lambda: Projection(np.array([0]), np.array([0]), delay=-0.5), "delay must be finite and not negative"),
        (lambda: Projection(np.array([0]), np.array([0]), receptor=-1), "receptor must be a whole number"),
        (lambda: fixed_probability(slice(3, 3), slice(0, 5), 0.1, key=KEY), "source must be a population .* not empty"),
        (lambda: fixed_probability(slice(0, 3), slice(0, None), 0.1, key=KEY), "target must be a population"),
        (lambda: fixed_probability(slice(0, 9, 2), slice(0, 5), 0.1, key=KEY), "source must be a population"),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), 1.1, key=KEY), r"probability must lie in \[0, 1\]"),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), np.nan, key=KEY), r"probability must lie in \[0, 1\]"),
        (lambda: fixed_fan_out(slice(0, 3), slice(0, 5), 6, key=KEY), "fan_out must be at most .* 5, but is 6"),
        (lambda: fixed_fan_out(slice(0, 3), slice(0, 5), 0, key=KEY), "fan_out must be a whole number"),
        (lambda: fixed_probability(slice(0.5, 3), slice(0, 5), 0.1, key=KEY), "source must be a population"),
        (lambda: fixed_probability(3, slice(0, 5), 0.1, key=KEY), "source must be a population .* but is 3"),
        (lambda: from_matrix(scipy.sparse.coo_array(np.ones(3))), r"shape \(source, target\), but has shape \(3,\)"),
        (lambda: from_matrix(np.ones(3)), r"shape \(source, target\), but has shape \(3,\)"),
        (lambda: from_matrix(np.ones((2, 3)), target=slice(0, 4)), r"populations, \(2, 4\), but has \(2, 3\)"),
        (lambda: from_matrix(scipy.sparse.csr_array([[np.inf, 1.0]])), "weight must be finite"),
        (lambda: from_matrix(np.ones((0, 3))), "source must be a population"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
