"""Negative sampling: word vectors learnt by distinguishing the neighbours of a word from words drawn at random."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, UInt32

from neuraxis import check
from neuraxis.engine.optimizers import Rate, check_rate, rate_at
from neuraxis.errors import InputError
from neuraxis.language.drawing import NO_SENTENCE, Drawn, draw, thresholds
from neuraxis.language.skip_gram import SkipGram
from neuraxis.language.subsampling import keep_probability

TILE = 16  # words whose windows are computed together: smaller tiles waste less, larger ones multiply faster


def negative_sampling(
    counts: Integer[np.ndarray, " word"],
    *,
    learning_rate: Rate,
    chunks: int,
    window: int = 5,
    negatives: int = 5,
    sample: float = 1e-3,
    block: int = 256,
    shared: int = 48,
) -> "NegativeSampling":
    r"""Train a `SkipGram` on chunks of text, as written by `encoded`: a rule with sparse updates.

    The loss of a pair of a centre word c and a word o of its context is

        −ln σ(u_o · v_c) − (K/S) Σ_s ln σ(−u_s · v_c)

    where the S words s, drawn with probability ∝ f^¾ for a frequency f, are shared by all pairs of a block. Due to the
    weight K/S, expected loss and gradient equal those of K negative words drawn separately for every pair. The
    gradients of all pairs of a block are computed with the weights before it, summed, and applied to the rows
    concerned.

    The losses in the history of `fit` are scaled such that their mean over the chunks of an epoch is the mean over all
    its pairs, each evaluated before the update on it.

    Args:
        counts: number of occurrences of each word.
        learning_rate: learning rate κ per pair; a number, or a schedule over the number of chunks so far.
        chunks: number of chunks per epoch.
        window: maximum window size. The window of each centre word is drawn uniformly from 1 to `window`, and ends at
            the boundaries of its sentence and chunk.
        negatives: number K of negative words per pair.
        sample: threshold of `keep_probability`.
        block: number of centre words per update, a multiple of 16. Larger blocks are faster, but the summed gradients
            of frequent words may overshoot.
        shared: number S of negative words per block.

    Raises:
        InputError: for settings out of range; in training, for a model that is not a `SkipGram` of that many words, or
            data that are not chunks of words.

    Source: Mikolov, Sutskever, Chen, Corrado and Dean, Distributed representations of words and phrases and their
    compositionality, NIPS 2013, equation 4.
    """
    keep = keep_probability(counts, sample)
    check_rate(check.positive, learning_rate=learning_rate)
    check.whole(chunks=chunks, window=window, negatives=negatives, block=block, shared=shared)
    if block % TILE:
        raise InputError(f"block must be a multiple of {TILE}, but is {block}")
    return NegativeSampling(
        keep=jnp.asarray(keep, jnp.float32),
        bounds=jnp.asarray(thresholds(counts)),
        learning_rate=learning_rate,
        chunks=int(chunks),
        window=int(window),
        negatives=int(negatives),
        block=int(block),
        shared=int(shared),
    )


class Progress(eqx.Module):
    """Progress of the training, and the loss of the current epoch so far."""

    chunks: Int[Array, ""]  # since the start
    loss: Float[Array, ""]  # mean over the pairs of this epoch so far
    pairs: Float[Array, ""]  # mean number of pairs per chunk of this epoch so far

    def after(self, total: Array, pairs: Array, epoch: int) -> tuple["Progress", Array]:
        """Add the total loss of a chunk; return its scaled loss, whose mean over chunks is the mean over pairs.

        The scaled loss is L + w (l − L), with the mean L over the pairs so far, the mean l over those of this chunk,
        and their number w relative to the mean over chunks. The mean over n chunks thus changes from L to
        L + w (l − L)/n, like the mean over pairs.
        """
        number = self.chunks % epoch + 1
        loss, mean = (jnp.where(number == 1, 0, x) for x in (self.loss, self.pairs))
        mean = mean + (pairs - mean) / number
        # w (l − L) without division by the number of pairs, which may be 0.
        excess = (total - pairs * loss) / jnp.where(mean > 0, mean, 1)
        return Progress(self.chunks + 1, loss + excess / number, mean), loss + excess


class NegativeSampling(eqx.Module):
    """The rule returned by `negative_sampling`."""

    keep: Float[Array, " word"]
    bounds: UInt32[Array, " word"]
    learning_rate: Rate
    chunks: int
    window: int
    negatives: int
    block: int
    shared: int

    def init(self, model: SkipGram) -> Progress:
        """Return the state before the first chunk."""
        if not isinstance(model, SkipGram) or len(model.input) != len(self.keep):
            expected = f"a SkipGram of the {len(self.keep)} words in counts"
            raise InputError(f"the model must be {expected}, but is {check.received(model)}")
        zero = jnp.zeros((), jnp.float32)
        return Progress(jnp.zeros((), jnp.int32), zero, zero)

    def step(
        self, model: SkipGram, state: Progress, batch: tuple[Array], *, key: PRNGKeyArray
    ) -> tuple[SkipGram, Progress, Float[Array, " chunk"]]:
        """Train on a batch of chunks, one after the other."""
        if len(batch) != 1 or batch[0].ndim != 2 or batch[0].dtype.kind != "i":
            shapes = ", ".join(f"{x.shape} {x.dtype}" for x in batch)
            raise InputError(f"data must be chunks of words, an array (chunk, word) of integers, but are {shapes}")

        def learn(carry, x):
            (model, state), (number, chunk) = carry, x
            drawn = self.draw(chunk, jax.random.fold_in(key, number))
            model, total, pairs = self._learn(model, drawn, state.chunks)
            state, loss = state.after(total, pairs, self.chunks)
            return (model, state), loss

        (model, state), losses = lax.scan(learn, (model, state), (jnp.arange(len(batch[0])), batch[0]))
        return model, state, losses

    def draw(self, chunk: Int[Array, " token"], key: PRNGKeyArray) -> Drawn:
        """Make the random draws for a chunk."""
        return draw(chunk, self.keep, self.bounds, window=self.window, block=self.block, shared=self.shared, key=key)

    def _learn(self, model: SkipGram, drawn: Drawn, chunks: Array) -> tuple[SkipGram, Array, Array]:
        """Train on the blocks of a chunk; return the model, the total loss, and the number of pairs."""
        blocks = -(-drawn.kept // self.block)

        def learn(i, carry):
            model, total, pairs = carry
            rate = jnp.asarray(rate_at(self.learning_rate, chunks + i / blocks), model.input.dtype)
            model, loss, count = self.learn_block(model, drawn, i, rate)
            return model, total + loss, pairs + count

        zero = jnp.zeros((), jnp.float32)
        return lax.fori_loop(0, blocks, learn, (model, zero, zero))

    def learn_block(
        self, model: SkipGram, drawn: Drawn, number: Int[Array, ""], rate: Array
    ) -> tuple[SkipGram, Array, Array]:
        """Train on the block of centre words with this number; return the model, the total loss and number of pairs."""
        words, near, is_pair = self._windows(drawn, number, model.input.dtype)
        negative = drawn.negatives[number]
        centre, context, noise = model.input[words], model.output[near], model.output[negative]
        tiled = centre.reshape(*near.shape[:1], TILE, -1)
        weight = self.negatives / self.shared * jnp.sum(is_pair, axis=-1).reshape(-1, 1)
        # The losses are ln(1 + e^z) = max(z, 0) + ln(1 + e^−|z|), with derivative σ(z).
        z = -jnp.einsum("tif,tjf->tij", tiled, context)
        z_noise = centre @ noise.T
        small, small_noise = jnp.exp(-jnp.abs(z)), jnp.exp(-jnp.abs(z_noise))
        loss = jnp.sum(is_pair * jnp.maximum(z, 0)) + jnp.sum(_sum_of_logarithms(1 + is_pair * small))
        kinks = jnp.sum(jnp.maximum(z_noise, 0), axis=-1, keepdims=True)
        loss += jnp.sum(weight * (kinks + _sum_of_logarithms(1 + small_noise)))
        fall = rate * is_pair * jnp.where(z < 0, small, 1) / (1 + small)
        fall_noise = -rate * weight * jnp.where(z_noise < 0, small_noise, 1) / (1 + small_noise)
        to_centre = jnp.einsum("tij,tjf->tif", fall, context).reshape(centre.shape) + fall_noise @ noise
        to_context = jnp.einsum("tij,tif->tjf", fall, tiled).reshape(-1, centre.shape[-1])
        rows = jnp.concatenate([near.ravel(), negative])
        model = eqx.tree_at(
            lambda m: (m.input, m.output),
            model,
            (
                model.input.at[words].add(to_centre),
                model.output.at[rows].add(jnp.concatenate([to_context, fall_noise.T @ centre])),
            ),
        )
        return model, loss.astype(jnp.float32), jnp.sum(is_pair, dtype=jnp.float32)

    def _windows(
        self, drawn: Drawn, number: Int[Array, ""], dtype: jnp.dtype
    ) -> tuple[Int[Array, " block"], Int[Array, "tile near"], Float[Array, "tile centre near"]]:
        """Return the centre words of a block, the words near each tile of them, and 1 for each of their pairs."""
        margin = 2 * self.window

        def part(x: Array) -> Array:
            return lax.dynamic_slice(x, (number * self.block,), (self.block + margin,))

        places = np.arange(0, self.block, TILE)[:, None] + np.arange(TILE + margin)
        centres = slice(self.window, self.window + self.block)
        words, sentences = part(drawn.words), part(drawn.sentences)
        own = sentences[centres].reshape(-1, TILE, 1)
        reach = part(drawn.reaches)[centres].reshape(-1, TILE, 1)
        distance = np.abs(np.arange(TILE + margin) - self.window - np.arange(TILE)[:, None])
        is_pair = (own == sentences[places][:, None]) & (own != NO_SENTENCE) & (distance <= reach) & (distance > 0)
        return words[centres], words[places], is_pair.astype(dtype)


def _sum_of_logarithms(factors: Float[Array, "... factor"]) -> Float[Array, "... 1"]:
    """Sum ln x over the last axis, for x from 1 to 2; up to eight x are multiplied first, to save logarithms."""
    for _ in range(3):
        half, rest = divmod(factors.shape[-1], 2)
        if not rest:
            factors = factors[..., :half] * factors[..., half:]
    return jnp.sum(jnp.log(factors), axis=-1, keepdims=True)
