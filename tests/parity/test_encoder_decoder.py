"""The Transformer of PyTorch with the same weights: outputs and gradients agree, under padding and causal masks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from neuraxis.language import CrossDecoder, Encoder, Memory, from_torch, within

SIZE, HEADS, HIDDEN, LAYERS, M, N = 16, 4, 24, 2, 7, 5
KEY = jax.random.key(0)
OPTIONS = {"d_model": SIZE, "nhead": HEADS, "dim_feedforward": HIDDEN, "dropout": 0.0, "batch_first": True}
random = np.random.default_rng(0)
source = random.normal(size=(3, M, SIZE)).astype(np.float32)
target = random.normal(size=(3, N, SIZE)).astype(np.float32)
weights = random.normal(size=(3, N, SIZE)).astype(np.float32)  # of the sum whose gradient is compared
mask = np.array(within(np.array([7, 4, 2]), M))


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    layers = {"encoder": torch.nn.TransformerEncoderLayer, "decoder": torch.nn.TransformerDecoderLayer}
    layers = {name: layer(**OPTIONS, norm_first=True) for name, layer in layers.items()}
    encoder = torch.nn.TransformerEncoder(
        layers["encoder"], LAYERS, torch.nn.LayerNorm(SIZE), enable_nested_tensor=False
    )
    decoder = torch.nn.TransformerDecoder(layers["decoder"], LAYERS, torch.nn.LayerNorm(SIZE))
    whole = torch.nn.Transformer(**OPTIONS, norm_first=True, custom_encoder=encoder, custom_decoder=decoder)
    with torch.no_grad():
        for parameter in whole.parameters():  # norms and biases, too, which begin alike
            parameter.add_(0.1 * torch.randn_like(parameter))
    return whole


def arrays(tensors):
    return {name: tensor.detach().numpy() for name, tensor in tensors}


@pytest.fixture(scope="module")
def ours(theirs):
    state = arrays(theirs.state_dict().items())
    sizes = {"layers": LAYERS, "heads": HEADS, "hidden_size": HIDDEN, "key": KEY}
    return (
        from_torch(Encoder(SIZE, **sizes), state, "encoder."),
        from_torch(CrossDecoder(SIZE, **sizes), state, "decoder."),
    )


def close(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-4, atol=tolerance)


def test_the_encoder_agrees(ours, theirs):
    close(ours[0](source), theirs.encoder(torch.tensor(source)))
    masked = theirs.encoder(torch.tensor(source), src_key_padding_mask=torch.tensor(~mask))
    np.testing.assert_allclose(ours[0](source, mask=mask)[mask], masked.detach().numpy()[mask], rtol=1e-4, atol=1e-5)


def test_the_decoder_agrees(ours, theirs):
    causal = torch.nn.Transformer.generate_square_subsequent_mask(N)
    out = theirs.decoder(
        torch.tensor(target), torch.tensor(source), tgt_mask=causal, memory_key_padding_mask=torch.tensor(~mask)
    )
    close(ours[1](target, Memory(jnp.asarray(source), jnp.asarray(mask))), out)


def test_the_whole_and_its_gradients_agree(ours, theirs):
    causal = torch.nn.Transformer.generate_square_subsequent_mask(N, dtype=torch.bool)
    hidden = torch.tensor(~mask)
    out = theirs(
        torch.tensor(source),
        torch.tensor(target),
        tgt_mask=causal,
        src_key_padding_mask=hidden,
        memory_key_padding_mask=hidden,
    )
    theirs.zero_grad()
    (out * torch.tensor(weights)).sum().backward()

    def total(model):
        encoder, decoder = model
        y = decoder(target, Memory(encoder(source, mask=mask), jnp.asarray(mask)))
        return jnp.sum(y * weights), y

    (_, y), gradient = eqx.filter_jit(eqx.filter_value_and_grad(total, has_aux=True))(ours)
    close(y, out)
    theirs_by_name = arrays((name, p.grad) for name, p in theirs.named_parameters())
    for part, prefix, mine in zip(ours, ("encoder.", "decoder."), gradient, strict=True):
        expected = eqx.filter(from_torch(part, theirs_by_name, prefix), eqx.is_array)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), mine, expected)
