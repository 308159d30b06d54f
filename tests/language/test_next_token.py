import math

import pytest

from neuraxis.errors import InputError
from neuraxis.language import bits_per_byte


def test_bits_per_byte_count_bytes_and_not_tokens():
    assert bits_per_byte(math.log(2), 8, "abcdefgh") == pytest.approx(1)
    assert bits_per_byte(math.log(2), 4, "äöüß") == pytest.approx(0.5)  # two bytes each
    assert bits_per_byte(3 * math.log(2), 2, "abcdef") == pytest.approx(1)  # as two tokens


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 3, "abc"), "nats_per_token must be finite and not negative"),
        ((1.0, 0, "abc"), "tokens must be an integer"),
        ((1.0, 3, ""), "text must contain at least one character"),
        ((1.0, 3, b"abc"), "text must be a str"),
    ],
)
def test_bad_input_is_refused(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        bits_per_byte(*arguments)
