"""Text from the language model that a run has saved."""

from pathlib import Path

from neuraxis import check
from neuraxis.app.runs import MODEL
from neuraxis.errors import InputError


def sample(
    folder: Path, *, prompt: str, count: int, temperature: float, top_k: int | None, top_p: float | None, seed: int
) -> str:
    """Return a prompt and how the model goes on with it.

    Args:
        folder: of the run.
        prompt: what the text begins with.
        count: tokens to add.
        temperature: see `neuraxis.language.generate`, as for top_k and top_p.
        top_k: most probable tokens to draw of.
        top_p: probability of the tokens to draw of.
        seed: of the draws.

    Raises:
        InputError: where there is no such folder, or no language model in it, and for values out of range.
        CheckpointError: where the model is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    if not (folder / MODEL).is_file():
        raise InputError(f"{folder} contains no model: it has no {MODEL}, which a run writes when it ends")
    check.seed(seed)
    if not prompt:
        raise InputError("prompt must contain at least one character, but is empty")
    import jax

    from neuraxis.engine import checkpoint
    from neuraxis.language import Writer

    writer = checkpoint.load(folder / MODEL)
    if not isinstance(writer, Writer):
        raise InputError(f"{folder} contains no language model, but a {type(writer).__name__}")
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    return prompt + writer.write(prompt, count, key=jax.random.key(seed), **options)
