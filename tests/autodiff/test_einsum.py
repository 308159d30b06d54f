import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.autodiff import Var, check_gradients, einsum
from neuraxis.errors import InputError

SIZES = dict(zip("abcd", (2, 3, 4, 1), strict=True))
terms = st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3)


@given(terms, st.data())
def test_values_are_numpy_s_and_gradients_those_of_differences(terms, data):
    letters = sorted(set("".join(terms)))
    result = "".join(data.draw(st.lists(st.sampled_from(letters), unique=True))) if letters else ""
    subscripts = ",".join(terms) + data.draw(st.sampled_from(["", f"->{result}"]))
    random = np.random.default_rng(0)
    arguments = [random.normal(size=[SIZES[letter] for letter in term]) for term in terms]
    np.testing.assert_allclose(einsum(subscripts, *arguments), np.einsum(subscripts, *arguments), rtol=1e-12)
    assert check_gradients(lambda *a: einsum(subscripts, *a), *arguments).relative < 1e-7


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("subscripts", "words"),
    [
        (None, "subscripts must be a string"),
        ("ij", "must name the axes of 2 arguments"),
        ("i1,jk", "must name the axes of 2 arguments by letters"),
        ("ij,j", r'"j" in "ij,j" must name the axes of an argument with 2 axes'),
        ("ijk,jk", '"ijk" in'),
        ("ij,jk->iz", "must name axes of the arguments, each once"),
        ("ij,jk->ii", "must name axes of the arguments, each once"),
        ("ij,ik", "einsum cannot take"),
    ],
)
def test_letters_that_do_not_fit_are_refused(subscripts, words):
    with pytest.raises(InputError, match=words):
        einsum(subscripts, Var(np.ones((2, 3))), np.ones((3, 4)))
