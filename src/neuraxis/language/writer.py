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
    """A language model that goes on with a text. It is saved and loaded as a whole, tokeniser and all.

    Args:
        model: the language model.
        tokenizer: the tokeniser whose tokens it was trained on.

    Raises:
        InputError: for what is neither, or a tokeniser of another number of tokens.
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
        """Go on with a text by `count` tokens; of a prompt longer than the context, the end is read.

        The other arguments are those of `generate`.

        Raises:
            InputError: as `generate` does, and for a prompt that the tokeniser cannot encode.
        """
        tokens: Any = self.tokenizer.encode(prompt)
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        return self.tokenizer.decode(generate(self.model, tokens[-self.model.context :], count, key=key, **options))
