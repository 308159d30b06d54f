import json
import struct

import jax.numpy as jnp
import numpy as np

from neuraxis.app.lab import Line
from neuraxis.app.lab.wire import encode


def decode(message):
    """Read a message as wire.js does."""
    (length,) = struct.unpack_from("<I", message)
    arrays = 4 + length

    def restored(part):
        if "array" not in part:
            return part
        dtype = np.dtype(f"<{part['type']}")
        count = int(np.prod(part["shape"]))
        return np.frombuffer(message, dtype, count, arrays + part["array"]).reshape(part["shape"])

    return json.loads(message[4:arrays], object_hook=restored)


def test_arrays_come_back():
    message = {
        "floats": np.arange(6.0).reshape(2, 3),
        "device": jnp.array([1.5, np.nan]),
        "integers": np.array([1, -2, 3]),
        "truths": np.array([True, False, True]),
        "empty": np.zeros((0, 2)),
        "after": np.arange(2.0)[::-1],
    }
    found = decode(encode(message))
    for name, array in message.items():
        np.testing.assert_array_equal(found[name], np.asarray(array))


def test_every_array_begins_at_a_multiple_of_four_bytes():
    message = encode({"a": np.array([True]), "text": "µé", "b": np.array([2.0])})
    (length,) = struct.unpack_from("<I", message)
    assert length % 4 == 0
    np.testing.assert_array_equal(decode(message)["b"], [2.0])


def test_dataclasses_say_their_kind_and_numbers_are_plain():
    found = decode(encode([Line(np.zeros(2), np.ones(2), "V"), np.float32(0.5), jnp.array(3), float("nan")]))
    assert found[0]["kind"] == "Line"
    assert found[0]["label"] == "V"
    assert found[1:] == [0.5, 3, None]
