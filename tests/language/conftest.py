import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def _vectors(words):
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    arrays = st.integers(1, 5).flatmap(lambda size: hnp.arrays(np.float32, (len(words), size), elements=finite))
    return arrays.map(lambda array: (tuple(words), array))


@pytest.fixture(scope="session")
def any_vectors():
    """Strategy of words with any letters that a file can hold, and vectors of any numbers."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0 \t\n\r\x0b\x0c")
    words = st.lists(st.text(letters, min_size=1, max_size=5), min_size=1, max_size=5, unique=True)
    return words.flatmap(_vectors)
