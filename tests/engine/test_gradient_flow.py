import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn.initializers import orthogonal

from neuraxis.engine import LayerFlow, gradient_flow
from neuraxis.errors import InputError
from neuraxis.feedforward import CNN, MLP
from neuraxis.feedforward.classification import loss, measuring_loss
from neuraxis.functions.activations import relu, tanh
from neuraxis.layers import BatchNorm, Dropout, Linear, MaxPool, Residual, Sequential

KEY = jax.random.key(0)
x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
labels = np.arange(7) % 3


def half_squares(model, x, *, key=None):
    return jnp.sum(jnp.square(model(x, key=key)), -1) / 2


def close(flow, expected):
    """Compare with (‖y‖, rms of y, ‖∂E/∂y‖, ‖∂E/∂θ‖)."""
    assert isinstance(flow, LayerFlow)
    np.testing.assert_allclose([float(v) for v in flow], expected, rtol=1e-4, atol=1e-7)


def norm(tree):
    return float(np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree))))


def root_mean_square(y):
    return float(np.sqrt(np.mean(np.square(y))))


def test_equals_the_gradient_by_hand_added_probes():
    model = MLP((4, 6, 5, 3), key=KEY, activation=tanh)

    def mean_loss(layers, added):
        h = x
        outputs = []
        for i, (layer, a) in enumerate(zip(layers, added, strict=True)):
            outputs.append(h @ layer.weight + layer.bias + a)
            h = jnp.tanh(outputs[-1]) if i < 2 else outputs[-1]
        return jnp.mean(loss(lambda x, key: h, x, labels)), outputs

    zeros = [np.zeros((7, size), np.float32) for size in (6, 5, 3)]
    (by_layers, by_added), outputs = jax.jit(jax.grad(mean_loss, argnums=(0, 1), has_aux=True))(model.layers, zeros)
    flow = gradient_flow(model, loss, (x, labels))
    assert list(flow) == ["layers[0]", "layers[1]", "layers[2]"]
    for i, y in enumerate(outputs):
        close(flow[f"layers[{i}]"], (norm(y), root_mean_square(y), norm(by_added[i]), norm(by_layers[i])))


@pytest.mark.parametrize("scale", [1.0, 0.25, 3.0])
def test_a_deep_linear_network_of_orthogonal_weights_scales_by_a_power(scale):
    """‖∂E/∂y‖ grows by the scale in each layer going back, and ‖y‖ in each going forward."""
    depth = 6
    keys = jax.random.split(KEY, depth)
    model = Sequential([Linear(4, 4, key=k, initializer=orthogonal(scale)) for k in keys])
    flow = list(gradient_flow(model, half_squares, (x,)).values())
    output = scale**depth * np.linalg.norm(x)
    for i, layer in enumerate(flow):
        assert layer.activation == pytest.approx(scale ** (i + 1) * np.linalg.norm(x), rel=1e-4)
        assert layer.gradient == pytest.approx(output / len(x) * scale ** (depth - 1 - i), rel=1e-4)


def sized_loss(model, x, size, *, key=None):
    return 7 * size * jnp.sum(model(x), -1)


@pytest.mark.parametrize("size", [1e-35, 1e-20, 1e-3, 1e20, 1e36])
def test_norms_far_from_one_keep_their_digits(size):
    """The squares of these numbers are not in the range of float32."""

    layer = eqx.tree_at(lambda layer: layer.weight, Linear(4, 3, key=KEY), np.full((4, 3), size, np.float32))
    flow = gradient_flow(layer, sized_loss, (x, np.full(7, size, np.float32)))["model"]
    assert flow.gradient == pytest.approx(size * np.sqrt(21), rel=1e-4)
    assert flow.activation == pytest.approx(size * np.sqrt(3) * np.linalg.norm(x.sum(-1)), rel=1e-4)


def test_layers_at_any_depth_are_named_by_their_path():
    inner = Sequential([BatchNorm(4), relu, Linear(4, 4, key=KEY)])
    model = {"body": Sequential([Dropout(0.5), Residual(inner)]), "head": Linear(4, 3, key=KEY)}

    def measuring(model, x, labels, *, key):
        h, body = model["body"].measure(x, key=key)
        return loss(lambda x, key: model["head"](h), x, labels), {**model, "body": body}

    flow = gradient_flow(model, measuring, (x, labels), key=KEY)
    inside = "['body'].layers[1].inner"
    assert list(flow) == [
        "['body'].layers[0]",
        *(f"{inside}.layers[{i}]" for i in range(3)),
        inside,
        "['body'].layers[1]",
        "['body']",
        "['head']",
    ]
    layers = [flow[f"{inside}.layers[{i}]"] for i in range(3)]
    assert flow[inside].parameter_gradient == pytest.approx(norm([layer.parameter_gradient for layer in layers]))
    assert flow[inside].activation == layers[2].activation
    assert flow["['body'].layers[1]"].gradient == pytest.approx(float(layers[2].gradient))
    assert layers[1].parameter_gradient == 0


def test_measures_in_training_with_or_without_running_statistics():
    model = Sequential([Linear(4, 5, key=KEY), BatchNorm(5), relu, Linear(5, 3, key=KEY)])
    through_call = gradient_flow(model, loss, (x, labels))
    through_measure = gradient_flow(model, measuring_loss, (x, labels))
    assert list(through_call) == list(through_measure)
    assert through_call["layers[1]"].activation_rms == pytest.approx(1, abs=1e-3)
    for name, layer in through_call.items():
        close(through_measure[name], [float(v) for v in layer])


class Recurrent(eqx.Module):
    """One layer, called at every step of a scan."""

    cell: Linear

    def __call__(self, x, *, key=None):
        h = jnp.zeros_like(x)
        return jax.lax.scan(lambda h, _: (jnp.tanh(self.cell(h) + x), None), h, length=3)[0]


def test_a_layer_that_is_called_several_times_has_the_norm_over_its_calls():
    model = Recurrent(Linear(4, 4, key=KEY))

    def unrolled(added):
        h, outputs = jnp.zeros_like(x), []
        for a in added:
            outputs.append(model.cell(h) + a)
            h = jnp.tanh(outputs[-1] + x)
        return jnp.mean(jnp.sum(h**2, -1) / 2), outputs

    by_added, outputs = jax.jit(jax.grad(unrolled, has_aux=True))(np.zeros((3, 7, 4), np.float32))
    parameters = eqx.filter_jit(eqx.filter_grad(lambda model: jnp.mean(half_squares(model, x))))(model)
    flow = gradient_flow(model, half_squares, (x,))
    assert list(flow) == ["cell"]
    close(flow["cell"], (norm(outputs), root_mean_square(outputs), norm(by_added), norm(parameters)))


def test_models_of_single_examples_under_vmap():
    """Equinox's own layers take one example; the same network of ours takes the batch."""
    theirs = eqx.nn.MLP(4, 3, 6, 1, key=KEY)
    ours = MLP((4, 6, 3), key=KEY)
    for i, layer in enumerate(theirs.layers):
        ours = eqx.tree_at(lambda m, i=i: (m.layers[i].weight, m.layers[i].bias), ours, (layer.weight.T, layer.bias))

    def values(y):  # its gradient by y does not depend on the example, so that JAX sees no batch in it
        return jnp.sum(y, -1)

    by_example = gradient_flow(theirs, lambda model, x, key: values(jax.vmap(model)(x)), (x,))
    by_batch = gradient_flow(ours, lambda model, x, key: values(model(x)), (x,))
    for name, layer in by_batch.items():
        close(by_example[name], [float(v) for v in layer])


def test_any_pytree_of_parameters():
    model = [(jnp.ones((4, 3)), jnp.zeros(3)), {"scale": jnp.full((), 2.0)}]
    flow = gradient_flow(model, lambda m, x, key: m[1]["scale"] * jnp.sum(x @ m[0][0] + m[0][1], -1), (x,))
    assert list(flow) == ["[0][0]", "[0][1]", "[1]['scale']"]
    assert flow["[0][1]"].parameter_gradient == pytest.approx(2 * np.sqrt(3))
    assert np.isnan(flow["[0][1]"].activation)


def test_a_layer_that_no_gradient_reaches():
    model = Sequential([Linear(4, 4, key=KEY), jax.lax.stop_gradient, Linear(4, 3, key=KEY)])
    flow = gradient_flow(model, loss, (x, labels))
    assert flow["layers[0]"].gradient == flow["layers[0]"].parameter_gradient == 0
    assert np.isnan(flow["layers[0]"].activation)
    assert flow["layers[2]"].gradient > 0


def test_leaves_the_model_and_its_type_as_they_are():
    model = MLP((4, 3), key=KEY)

    def typed_loss(m, x, labels, *, key):
        assert isinstance(m, MLP)
        assert isinstance(m.layers[0], Linear)
        assert m.layers[0].weight.shape == (4, 3)
        return loss(m, x, labels)

    inside_jit = eqx.filter_jit(gradient_flow)(model, typed_loss, (x, labels))
    close(inside_jit["layers[0]"], [float(v) for v in gradient_flow(model, typed_loss, (x, labels))["layers[0]"]])
    assert type(model) is MLP
    assert type(model.layers[0]) is Linear


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    model = MLP((4, 3), key=KEY)
    with pytest.raises(InputError, match="must agree along their first axis"):
        gradient_flow(model, loss, (x, labels[:3]))
    with pytest.raises(InputError, match=r"data\[0\] must be finite, but contains nan at index \(0, 0\)"):
        gradient_flow(model, loss, (np.full_like(x, np.nan), labels))
    with pytest.raises(InputError, match=r"data must be a tuple of one or more arrays, .* but is None"):
        gradient_flow(model, loss, None)
    with pytest.raises(InputError, match="loss must be a function, but is 'text'"):
        gradient_flow(model, "text", (x, labels))
    with pytest.raises(InputError, match=r"key must be one random key, .* but is 3"):
        gradient_flow(model, loss, (x, labels), key=3)
    with pytest.raises(InputError, match="model must be a function, but is None"):
        gradient_flow(None, loss, (x, labels))
    with pytest.raises(InputError, match=r"loss must return one number per example, .* returned shape \(\)"):
        gradient_flow(model, lambda model, x, labels, *, key: jnp.mean(model(x)), (x, labels))


def test_the_convolutions_of_a_network_that_pools_are_layers_too():
    images = np.random.default_rng(1).random((7, 8, 8, 1)).astype(np.float32)
    model = CNN((8, 8, 1), (2, 3), (4,), 3, key=KEY)

    def mean_loss(convolutions, added):
        outputs = []
        h = images
        for convolution, a in zip(convolutions, added, strict=True):
            outputs.append(MaxPool(2)(convolution.correlate(h) + convolution.bias) + a)
            h = relu(outputs[-1])
        return jnp.mean(loss(lambda x, key: model.head(h.reshape(7, -1)), images, labels)), outputs

    zeros = [np.zeros((7, 4, 4, 2), np.float32), np.zeros((7, 2, 2, 3), np.float32)]
    gradient = jax.jit(jax.grad(mean_loss, argnums=(0, 1), has_aux=True))
    (by_layers, by_added), outputs = gradient(model.convolutions, zeros)
    flow = gradient_flow(model, loss, (images, labels))
    assert list(flow) == [
        "convolutions[0]",
        "convolutions[1]",
        "dropout",
        "head.layers[0]",
        "head.layers[1]",
        "head",
    ]
    for i, y in enumerate(outputs):
        close(flow[f"convolutions[{i}]"], (norm(y), root_mean_square(y), norm(by_added[i]), norm(by_layers[i])))


class Gain(eqx.Module):
    """A layer with a number in a field."""

    gain: float

    def __call__(self, x, *, key=None):
        traced.append(None)
        return self.gain * x


traced = []


def test_new_numbers_are_no_parameters_and_do_not_compile_anew():
    head = Linear(4, 3, key=KEY)
    flows = [gradient_flow(Sequential([Gain(gain), head]), loss, (x, labels)) for gain in (1.0, 2.0)]
    assert len(traced) == 1
    for gain, flow in zip((1.0, 2.0), flows, strict=True):
        assert list(flow) == ["layers[0]", "layers[1]"]
        assert flow["layers[0]"].parameter_gradient == 0
        assert flow["layers[0]"].activation == pytest.approx(gain * np.linalg.norm(x), rel=1e-5)
