"""A language model together with its tokeniser: text in, text out."""

from typing import Any

import equinox as eqx
from jaxtyping import ArrayLike, PRNGKeyArray

from neuraxis import check
from neuraxis.data import Tokenizer
from neuraxis.data.tokenizers import from_json
from neuraxis.errors import InputError
from neuraxis.language.generation import generate
from neuraxis.language.language_model import LanguageModel


class Writer(eqx.Module):
    """A language model that continues a text. It is saved and loaded together with its tokeniser.

    Args:
        model: language model.
        tokenizer: tokeniser that it was trained with.

    Raises:
        InputError: for arguments of the wrong type, or a tokeniser with more tokens than the model.
    """

    model: LanguageModel
    tokenizer_json: str = eqx.field(static=True)

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer):
        check.instance(LanguageModel, model=model)
        check.instance(Tokenizer, tokenizer=tokenizer)
        if tokenizer.size > model.tokens:
            raise InputError(
                f"tokenizer must have at most the {model.tokens} tokens of the model, but has {tokenizer.size}"
            )
        self.model, self.tokenizer_json = model, tokenizer.to_json()

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokeniser."""
        return from_json(self.tokenizer_json)

    def write(
        self,
        prompt: str,
        count: int,
        *,
        key: PRNGKeyArray,
        temperature: ArrayLike = 1.0,
        top_k: int | None = None,
        top_p: ArrayLike | None = None,
    ) -> str:
        """Return a continuation of a text by `count` tokens; a prompt longer than the context is cut to its end.

        The other arguments are those of `generate`.

        Raises:
            InputError: as for `generate`, and for a prompt that the tokeniser cannot encode.
        """
        tokens: Any = self.tokenizer.encode(prompt)
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        return self.tokenizer.decode(generate(self.model, tokens[-self.model.context :], count, key=key, **options))
