import equinox as eqx
import jax
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, fit
from neuraxis.errors import InputError
from neuraxis.language import EncoderDecoder
from neuraxis.language.encoder_decoder import all_right, loss

KEY = jax.random.key(0)
SIZES = {"size": 16, "layers": 2, "heads": 2, "hidden_size": 16}
random = np.random.default_rng(0)
source = random.integers(3, 12, (6, 7))
source[1, 4:] = source[2] = 0
target = np.concatenate([np.ones((6, 1), int), random.integers(3, 9, (6, 4)), np.full((6, 1), 2)], axis=1)
target[3, 3:] = [2, 0, 0]


@pytest.fixture(scope="module")
def model():
    return EncoderDecoder(12, 9, **SIZES, key=KEY)


@pytest.fixture(scope="module")
def apply():
    return eqx.filter_jit(lambda model, x: model(x))


@pytest.fixture(scope="module")
def logits(model, apply):
    return np.asarray(apply(model, (source, target)))


def test_logits_depend_on_what_came_before_alone(model, apply, logits):
    changed = target.copy()
    changed[:, 4] = 3 + (target[:, 4] + 1) % 6
    after = np.asarray(apply(model, (source, changed)))
    np.testing.assert_array_equal(after[:, :4], logits[:, :4])
    assert not np.allclose(after[:, 4:], logits[:, 4:], atol=1e-3)


def test_padding_of_the_source_changes_nothing(model, apply, logits):
    np.testing.assert_allclose(apply(model, (source[1, :4], target[1])), logits[1], atol=1e-5)


def test_a_source_of_padding_alone_is_as_an_empty_one(model, apply, logits):
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(apply(model, (source[2, :0], target[2])), logits[2], atol=1e-5)


def test_loss_is_the_mean_over_true_tokens(model, logits):
    found = eqx.filter_jit(loss)(model, source, target)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    for i in range(6):
        count = 3 if i == 3 else 5
        expected = -np.mean([log_p[i, j, target[i, j + 1]] for j in range(count)])
        assert found[i] == pytest.approx(expected, abs=1e-5)
    nothing = np.broadcast_to([1, 0, 0, 0, 0, 0], target.shape)
    np.testing.assert_array_equal(eqx.filter_jit(loss)(model, source, nothing), 0)


def test_all_right_looks_at_true_tokens(model, logits):
    best = np.argmax(logits, -1)
    written = np.concatenate([target[:, :1], best[:, :-1]], axis=1)
    judge = eqx.filter_jit(all_right)
    assert not judge(model, source, target).any()
    # A target of one token, which is the most probable after `begin`.
    short = np.zeros((6, 6), int)
    short[:, 0], short[:, 1] = 1, written[:, 1]
    np.testing.assert_array_equal(judge(model, source, short), True)


def test_cross_weights_add_up_to_1_and_leave_padding_out(model):
    weights = eqx.filter_jit(EncoderDecoder.cross_weights)(model, (source, target))
    assert weights.shape == (6, 2, 2, 6, 7)
    np.testing.assert_allclose(weights[0].sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(weights[1, ..., 4:], 0)
    np.testing.assert_array_equal(weights[2], 0)


@eqx.filter_jit
def looked_up(model):
    """Return what the first cross-attention gives of source and target 0, and what its weights give of the values."""
    block, memory = model.decoder.blocks[0], model.encode(source[0])
    x = block._attended(model.positions(model.target_embedding(target[0])))
    weights = model.cross_weights((source[0], target[0]))[0]
    _, v = block.cross_attention.keys_and_values(memory.features)
    cross = block.cross_attention
    return cross(block.cross_attention_norm(x), context=memory.features), cross.merge(weights @ v)


def test_cross_weights_are_those_of_the_call(model):
    np.testing.assert_allclose(*looked_up(model), atol=1e-5)


@pytest.mark.slow
def test_learns_to_reverse():
    """What it has to look up stands at another place."""
    x = random.integers(3, 9, (256, 4))
    y = np.concatenate([np.ones((256, 1), int), x[:, ::-1], np.full((256, 1), 2)], axis=1)
    small = EncoderDecoder(9, 9, size=16, layers=1, heads=2, hidden_size=32, key=KEY)
    rule = descent(loss, optax.adam(1e-2))
    fitted = fit(small, rule, (x, y), epochs=15, batch_size=32, key=KEY, progress=None)
    assert fitted.history["loss"][-1] < 0.25 * fitted.history["loss"][0]


def test_tokens_out_of_range_give_nan_where_they_cannot_be_refused(model, apply):
    wrong = target.copy()
    wrong[0, 2] = 9
    found = np.asarray(apply(model, (source, wrong)))
    assert np.isnan(found[0, 2:]).all()
    assert np.isfinite(found[1:]).all()


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (source, r"x must be the pair \(source, target\)"),
        ((source, target, target), r"x must be the pair \(source, target\)"),
        ((source, target[:5]), r"must agree in all axes but the last, but have shapes \(6, 7\) and \(5, 6\)"),
        ((source + 9, target), "source must be between 0 and 11, but contains"),
        ((source, -target), "target must be between 0 and 8, but contains"),
        ((source / 2, target), "source must be integers"),
        ((3, 4), r"source must have shape \(…, time\)"),
        (("3 March", target), "source must be an array"),
        ((source, [[1, 2], [3]]), "target must be an array"),
    ],
)
def test_bad_input_is_refused(model, x, message):
    with pytest.raises(InputError, match=message):
        model(x)


@pytest.mark.usefixtures("as_user")
def test_bad_sizes_and_targets_are_refused(model):
    for wrong, message in (
        ({"size": 0}, "size"),
        ({"heads": 3}, "heads must divide the size 16, but is 3"),
        ({"layers": 1.5}, "layers must be an integer"),
        ({"padding": 12}, "padding must be one of the 9 tokens of targets, but is 12"),
        ({"end": 1}, "padding, begin and end must be different tokens, but are 0, 1 and 1"),
        ({"begin": -1}, "begin must be an integer"),
        ({"key": None}, "key must be one random key"),
    ):
        with pytest.raises(InputError, match=message):
            EncoderDecoder(12, 9, **{**SIZES, "key": KEY, **wrong})
    with pytest.raises(InputError, match="padding must be one of the 2 tokens of sources, but is 5"):
        EncoderDecoder(2, 9, **SIZES, key=KEY, padding=5)
    with pytest.raises(InputError, match="target must have at least two positions"):
        loss(model, source, target[:, :1])
