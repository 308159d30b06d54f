import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import fit
from neuraxis.errors import InputError
from neuraxis.language.drawing import NO_SENTENCE, negative_words
from neuraxis.language.encoded import NO_WORD
from neuraxis.language.negative_sampling import negative_sampling
from neuraxis.language.skip_gram import SkipGram
from tests.trees import equal

WORDS, SIZE = 12, 5
random = np.random.default_rng(0)


def text(sizes):
    """Make chunks of sentences of 7 words; the rest of each chunk holds none."""
    chunks = np.full((len(sizes), 60), NO_WORD, np.int32)
    for chunk, size in zip(chunks, sizes, strict=True):
        chunk[:size] = random.zipf(1.5, size) % WORDS
        chunk[:size:7] = ~chunk[:size:7]
    return chunks


CHUNKS = text([60, 60, 60, 23, 0])
KNOWN = CHUNKS[CHUNKS != NO_WORD]
COUNTS = 1 + np.bincount(np.where(KNOWN < 0, ~KNOWN, KNOWN), minlength=WORDS)
KEY = jax.random.key(3)


def rule(learning_rate=0.1, **settings):
    return negative_sampling(
        COUNTS, learning_rate=learning_rate, chunks=len(CHUNKS), window=3, sample=0.05, block=32, shared=6, **settings
    )


def model():
    parts = 0.5 * np.random.default_rng(1).normal(size=(2, WORDS, SIZE)).astype(np.float32)
    return eqx.tree_at(lambda m: (m.input, m.output), SkipGram(WORDS, SIZE, key=KEY), tuple(map(jnp.asarray, parts)))


def pairs_of(drawn, first, last):
    """List the pairs of some centre words, one after the other."""
    words, sentences, reaches = map(np.asarray, (drawn.words, drawn.sentences, drawn.reaches))
    found = []
    for i in range(3 + first, min(3 + last, len(words))):
        for j in range(max(0, i - reaches[i]), min(len(words), i + reaches[i] + 1)):
            if i != j and sentences[i] == sentences[j] != NO_SENTENCE:
                found.append((words[i], words[j]))
    return found


def pair_losses(parts, pairs, negative, log_sigmoid):
    """Return the loss of each pair by its definition, with K = 5 negative words for each of them on average."""
    v, u = parts
    return [
        -log_sigmoid(u[o] @ v[c]) - 5 / len(negative) * sum(log_sigmoid(-(u[s] @ v[c])) for s in negative)
        for c, o in pairs
    ]


def log_sigmoid(x):
    return -np.log1p(np.exp(-np.float64(x)))


@eqx.filter_jit
def draw(rule, chunk, key):
    return rule.draw(chunk, key)


@eqx.filter_jit
def learn(rule, model, drawn, number, rate):
    return rule.learn_block(model, drawn, number, rate)


@pytest.fixture(scope="module")
def drawn():
    return draw(rule(), jnp.asarray(CHUNKS[0]), KEY)


@pytest.mark.parametrize("number", [0, 1])
def test_a_block_is_a_step_down_the_gradient_of_the_loss(drawn, number):
    pairs = pairs_of(drawn, 32 * number, 32 * (number + 1))
    assert len(pairs) > 20

    @jax.jit
    @jax.value_and_grad
    def total(parts):
        v, u = parts
        centres, contexts = map(jnp.asarray, zip(*pairs, strict=True))
        positive = jax.nn.log_sigmoid(jnp.sum(v[centres] * u[contexts], axis=1))
        noise = jax.nn.log_sigmoid(-v[centres] @ u[drawn.negatives[number]].T)
        return -jnp.sum(positive) - 5 / 6 * jnp.sum(noise)

    with jax.enable_x64(True):
        before = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), model())
        after, loss, count = learn(rule(), before, drawn, jnp.asarray(number), jnp.asarray(0.1))
        expected, slopes = total((before.input, before.output))
        for old, new, slope in zip((before.input, before.output), (after.input, after.output), slopes, strict=True):
            np.testing.assert_allclose((old - new) / 0.1, slope, rtol=1e-9, atol=1e-12)
    assert count == len(pairs)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    single, *_ = learn(rule(), model(), drawn, jnp.asarray(number), jnp.asarray(0.1))
    np.testing.assert_allclose(single.output, after.output, atol=1e-5)


def test_the_loss_is_the_mean_over_all_pairs_of_an_epoch():
    """Also where chunks hold different numbers of pairs, or none: compared with NumPy on the same pairs."""
    still = rule(learning_rate=1e-12)
    fitted = fit(model(), still, (CHUNKS,), epochs=2, batch_size=2, key=KEY, shuffle=False, progress=None)
    parts = np.asarray(model().input, float), np.asarray(model().output, float)
    for epoch in range(2):
        losses = []
        for i, chunk in enumerate(CHUNKS):
            key = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(KEY, epoch), i // 2), i % 2)
            drawn = draw(still, jnp.asarray(chunk), key)
            for number, negative in enumerate(np.asarray(drawn.negatives)):
                losses += pair_losses(parts, pairs_of(drawn, 32 * number, 32 * number + 32), negative, log_sigmoid)
        assert len(losses) > 300
        np.testing.assert_allclose(fitted.history["loss"][epoch], np.mean(losses), rtol=1e-5)


def test_the_expected_gradient_is_that_of_separate_negative_words(drawn):
    """Averaged over many draws, shared negative words push as K of their own for every pair would."""
    mine, parts = rule(), model()

    def push(negatives):
        block = eqx.tree_at(lambda d: d.negatives, drawn, negatives)
        moved, *_ = mine.learn_block(parts, block, jnp.asarray(0), jnp.asarray(1.0))
        return moved.output - parts.output

    negatives = negative_words(KEY, mine.bounds, (8000, 6)).reshape(4000, 2, 6)
    mean = np.mean(jax.jit(jax.vmap(push))(negatives), axis=0)
    v, u = np.asarray(parts.input), np.asarray(parts.output)
    chance = COUNTS**0.75 / np.sum(COUNTS**0.75)
    sigmoid = 1 / (1 + np.exp(-v @ u.T))
    expected = np.zeros_like(u)
    for c, o in pairs_of(drawn, 0, 32):
        expected[o] += (1 - sigmoid[c, o]) * v[c]
        expected -= 5 * (chance * sigmoid[c])[:, None] * v[c]
    np.testing.assert_allclose(mean, expected, atol=0.05 * np.abs(expected).max())


def test_the_rate_falls_with_the_text_that_was_read():
    """By half a chunk, as two blocks make up one: a rule that begins after 0.5 chunks learns nothing from the first."""
    late = rule(lambda count: jnp.where(count < 0.5, 0.0, 0.1))
    fitted = fit(model(), late, (CHUNKS[:1],), batch_size=1, key=KEY, shuffle=False, progress=None)
    drawn = draw(late, jnp.asarray(CHUNKS[0]), jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(KEY, 0), 0), 0))
    assert 32 < drawn.kept <= 64
    expected, *_ = learn(rule(), model(), drawn, jnp.asarray(1), jnp.asarray(0.1))
    np.testing.assert_allclose(fitted.model.output, expected.output, atol=1e-6)


def test_two_runs_are_equal_and_so_is_a_resumed_one(tmp_path):
    def trained(epochs, **where):
        learning_rate = optax.linear_schedule(0.1, 1e-3, 10)
        return fit(
            model(), rule(learning_rate), (CHUNKS,), epochs=epochs, batch_size=2, key=KEY, progress=None, **where
        )

    first, again = trained(2), trained(2)
    assert equal(first.model, again.model)
    assert first.history["loss"][1] < first.history["loss"][0]
    trained(1, checkpoint=tmp_path / "state.safetensors")
    resumed = trained(2, checkpoint=tmp_path / "state.safetensors", resume=True)
    assert equal(first.model, resumed.model)
    np.testing.assert_array_equal(first.history["loss"], resumed.history["loss"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 40}, "block must be a multiple of 16"),
        ({"window": 0}, "window must be an integer"),
        ({"negatives": -1}, "negatives must be an integer"),
        ({"shared": 1.5}, "shared must be an integer"),
        ({"sample": -1.0}, "sample must be finite and not negative"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"chunks": 0}, "chunks must be an integer"),
        ({"counts": np.array([1, 0])}, "counts must be positive"),
    ],
)
def test_bad_settings(as_user, wrong, message):
    with pytest.raises(InputError, match=message):
        negative_sampling(**{"counts": COUNTS, "learning_rate": 0.1, "chunks": 1} | wrong)


def test_bad_data(as_user):
    how = {"batch_size": 1, "key": KEY, "progress": None}
    with pytest.raises(InputError, match="a SkipGram of the 12 words"):
        fit(SkipGram(3, 2, key=KEY), rule(), (CHUNKS,), **how)
    with pytest.raises(InputError, match=r"chunks of words, an array \(chunk, word\) of integers"):
        fit(model(), rule(), (CHUNKS.astype(np.float32),), **how)
    with pytest.raises(InputError, match="chunks of words"):
        fit(model(), rule(), (CHUNKS, CHUNKS), **how)
