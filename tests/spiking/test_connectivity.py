import jax
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.spiking.connectivity import fixed_fan_out, fixed_probability, from_matrix

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


@pytest.mark.parametrize("probability", [1e-320, 1e-18, 1e-12])
def test_a_tiny_probability_connects_nobody(probability):
    whole = slice(0, 4000)
    assert len(fixed_probability(whole, whole, probability, key=KEY).source) == 0
    # Of 2⁵⁶ pairs, all that are found are pairs of neurons.
    many = slice(0, 2**28)
    found = fixed_probability(many, many, min(probability * 1e4, 1e-14), key=KEY)
    assert 0 <= found.source.min(initial=0) <= found.source.max(initial=0) < 2**28
    assert len(found.source) == pytest.approx(2**56 * min(probability * 1e4, 1e-14), rel=0.2, abs=3)


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


def test_no_neuron_is_connected_to_itself_on_request():
    whole = slice(0, 200)
    p = fixed_probability(whole, whole, 0.5, key=KEY, allow_autapses=False)
    q = fixed_fan_out(slice(50, 250), whole, 60, key=KEY, allow_autapses=False)  # 50 of the senders are no targets
    assert not np.any(p.source == p.target)
    assert not np.any(q.source == q.target)
    # All other pairs are there, and as likely as with them.
    assert abs(len(p.source) - 0.5 * 200 * 199) < 4 * np.sqrt(0.25 * 200 * 199)
    assert len({*zip(q.source.tolist(), q.target.tolist(), strict=True)}) == 200 * 60
    full = fixed_fan_out([7, 3, 5], [3, 5, 7], 2, key=KEY, allow_autapses=False)
    pairs = {*zip(full.source.tolist(), full.target.tolist(), strict=True)}
    assert pairs == {(7, 3), (7, 5), (3, 5), (3, 7), (5, 3), (5, 7)}


def test_the_targets_that_are_left_are_as_likely():
    whole = range(8)
    counts = np.zeros((8, 8))
    for seed in range(400):
        q = fixed_fan_out(whole, whole, 3, key=jax.random.key(seed), allow_autapses=False)
        np.add.at(counts, (q.source, q.target), 1)
    expected = 400 * 3 / 7
    others = counts[~np.eye(8, dtype=bool)]
    assert np.all(np.abs(others - expected) < 4.5 * np.sqrt(expected))


def test_a_key_may_be_given_as_numbers():
    p = fixed_probability(slice(0, 50), slice(0, 50), 0.2, key=jax.random.PRNGKey(3))
    np.testing.assert_array_equal(p.target, fixed_probability(slice(0, 50), slice(0, 50), 0.2, key=KEY).target)


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


def test_populations_may_be_empty_and_of_one_neuron():
    for make in (lambda a, b: fixed_probability(a, b, 0.5, key=KEY), lambda a, b: fixed_fan_out(a, b, 1, key=KEY)):
        assert len(make(slice(3, 3), slice(0, 5)).source) == 0
        assert len(make([], [4]).source) == 0
    assert fixed_fan_out([6], slice(2, 3), 1, key=KEY).target.tolist() == [2]
    assert len(fixed_probability(slice(0, 5), slice(0, 0), 0.5, key=KEY).source) == 0
    assert len(from_matrix(np.ones((0, 3))).source) == 0


def test_a_population_is_any_list_of_neurons():
    make = lambda source, target: fixed_probability(source, target, 1.0, key=KEY)
    same = [make(slice(2, 9, 3), np.array([4, 1])), make(range(2, 9, 3), [4, 1]), make([2, 5, 8], (4, 1))]
    for p in same:
        assert p.source.tolist() == [2, 2, 5, 5, 8, 8]
        assert p.target.tolist() == [4, 1] * 3
    assert make(np.array([False, True, True]), slice(0, 1)).source.tolist() == [1, 2]


def test_zeros_that_a_sparse_matrix_stores_are_no_connections():
    matrix = scipy.sparse.coo_array(([0.0, 2.0], ([0, 1], [1, 2])), shape=(3, 3))
    assert from_matrix(matrix).source.tolist() == [1]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fixed_probability(slice(0, 3), slice(0, None), 0.1, key=KEY), "target must be a population"),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), 1.1, key=KEY), r"probability must lie in \[0, 1\]"),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), np.nan, key=KEY), r"probability must lie in \[0, 1\]"),
        (lambda: fixed_fan_out(slice(0, 3), slice(0, 5), 6, key=KEY), "fan_out must be at most .* 5, but is 6"),
        (lambda: fixed_fan_out(slice(0, 3), slice(0, 5), 0, key=KEY), "fan_out must be an integer"),
        (lambda: fixed_probability(slice(0.5, 3), slice(0, 5), 0.1, key=KEY), "source must be a population"),
        (lambda: fixed_probability(3, slice(0, 5), 0.1, key=KEY), "source must be a population.* but is 3"),
        (lambda: from_matrix(scipy.sparse.coo_array(np.ones(3))), r"shape \(source, target\), but has shape \(3,\)"),
        (lambda: from_matrix(np.ones(3)), r"shape \(source, target\), but has shape \(3,\)"),
        (lambda: from_matrix(np.ones((2, 3)), target=slice(0, 4)), r"populations, \(2, 4\), but has \(2, 3\)"),
        (lambda: from_matrix(scipy.sparse.csr_array([[np.inf, 1.0]])), "weight must be finite"),
        (lambda: from_matrix(np.ones((2, 2)), weight=2.0), "leave weight= out"),
        (lambda: from_matrix(1j * np.ones((2, 2))), "matrix must contain real numbers"),
        (lambda: from_matrix("text"), "matrix must be an array"),
        (
            lambda: fixed_probability(slice(0, 3), slice(0, 5), "text", key=KEY),
            "probability must be an array",
        ),
        (
            lambda: fixed_probability(slice(0, 3), slice(0, 5), [0.1], key=KEY),
            r"probability must lie in \[0, 1\], one number",
        ),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), 0.1, key=0), "key must be one random key"),
        (lambda: fixed_probability(slice(0, 3), slice(0, 5), 0.1, key=KEY, allow_autapses=0), "must be True or False"),
        (lambda: fixed_fan_out(slice(0, 5), slice(0, 5), 5, key=KEY, allow_autapses=False), "4, but is 5"),
        (lambda: fixed_fan_out(slice(0, 5), slice(0, 0), 1, key=KEY), "at most .* 0, but is 1"),
        (
            lambda: fixed_probability(slice(0, 2**28), slice(0, 2**28), 0.5, key=KEY),
            "would take about 1.*PiB of memory",
        ),
        (lambda: fixed_fan_out(slice(0, 2**28), slice(0, 2**28), 2**27, key=KEY), "PiB of memory"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
