"""PyTorch's attention, and a language model with the same weights: values and gradients agree."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from benchmarks import _torch_transformer as twin
from neuraxis.functions import attention
from neuraxis.language import generate, next_token_loss, transformer_2017
from neuraxis.layers import MultiHeadAttention

KEY = jax.random.key(0)
TOKENS, SIZES = 13, {"size": 16, "layers": 2, "heads": 4, "context": 12}
random = np.random.default_rng(0)


def draw(*shape):
    return random.normal(size=shape).astype(np.float32)


def test_scaled_dot_product_attention_with_a_mask():
    q, k, v = draw(2, 3, 5, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    mask = random.random((2, 1, 5, 7)) < 0.6
    mask[0, 0, 2] = False  # PyTorch gives 0 there as well
    theirs = torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, (q, k, v)), torch.tensor(mask))
    np.testing.assert_allclose(attention(q, k, v, mask), theirs, atol=1e-6)


@pytest.mark.parametrize("crossed", [False, True])
def test_multi_head_attention(crossed):
    ours, theirs = MultiHeadAttention(8, 2, key=KEY), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(np.array(ours.query_key_value.weight).T))
        theirs.out_proj.weight.copy_(torch.tensor(np.array(ours.out.weight).T))
        theirs.in_proj_bias.copy_(torch.tensor(draw(24)))
        theirs.out_proj.bias.copy_(torch.tensor(draw(8)))
    biases = [jnp.asarray(b.detach().numpy()) for b in (theirs.in_proj_bias, theirs.out_proj.bias)]
    ours = eqx.tree_at(lambda layer: [layer.query_key_value.bias, layer.out.bias], ours, biases)
    x = draw(3, 5, 8)
    context = draw(3, 7, 8) if crossed else x
    mask = random.random((5, context.shape[1])) < 0.7
    mask[:, 0] = True
    inputs = [torch.tensor(x, requires_grad=True), torch.tensor(context)]
    y, weights = theirs(
        inputs[0], inputs[1] if crossed else inputs[0], inputs[1] if crossed else inputs[0],
        attn_mask=torch.tensor(~mask), average_attn_weights=False,
    )  # fmt: skip
    y.square().sum().backward()
    own = {"mask": mask, **({"context": context} if crossed else {})}
    np.testing.assert_allclose(ours(x, **own), y.detach(), atol=1e-5)
    np.testing.assert_allclose(ours.weights(x, **own), weights.detach(), atol=1e-5)
    dx = jax.grad(lambda x: jnp.sum(ours(x, **own) ** 2))(x)
    np.testing.assert_allclose(dx, inputs[0].grad, rtol=1e-4, atol=1e-4)


def twins(seed):
    torch.manual_seed(seed)
    theirs = twin.LanguageModel(TOKENS, **SIZES)
    ours = transformer_2017(TOKENS, key=KEY, **SIZES)
    numbers, structure = jax.tree.flatten(eqx.filter(ours, eqx.is_inexact_array))
    imported = twin.arrays_of(theirs)
    assert [x.shape for x in numbers] == [x.shape for x in imported]
    weights = jax.tree.unflatten(structure, map(jnp.asarray, imported))
    return eqx.combine(weights, ours), theirs


def test_logits_and_gradients_of_a_language_model_agree():
    ours, theirs = twins(0)
    windows = random.integers(0, TOKENS, (3, 13))
    logits = theirs(torch.tensor(windows[:, :-1]))
    np.testing.assert_allclose(ours(windows[:, :-1]), logits.detach(), atol=1e-5)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(windows[:, 1:]).flatten())
    loss.backward()
    mean = lambda model: jnp.mean(next_token_loss(model, windows))
    value, gradient = eqx.filter_value_and_grad(mean)(ours)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-5)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(parameter.grad)
    for mine, other in zip(jax.tree.leaves(gradient), twin.arrays_of(theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_greedy_text_is_the_same_beyond_the_context():
    ours, theirs = twins(1)
    prompt = random.integers(0, TOKENS, 4)
    said = theirs.generate(torch.tensor(prompt)[None], 20, 1e-4)  # so cold that the largest logit wins
    np.testing.assert_array_equal(generate(ours, prompt, 20, key=KEY, temperature=0.0), said[0, 4:])
