import gzip
import os
import re
from pathlib import Path

import pytest

from neuraxis.data import corpus, text
from neuraxis.data.published import Published
from neuraxis.errors import DataError, InputError


def test_the_sonnets_come_with_the_package(cache):
    sonnets = text("sonnets")
    numbers = re.findall(r"^[IVXLC]+$", sonnets.content, re.MULTILINE)
    assert len(numbers) == len(set(numbers)) == 154
    assert "Shall I compare thee to a summer's day?" in sonnets.content
    assert sonnets.content.endswith("Love's fire heats water, water cools not love.\n")
    assert sonnets.content.isascii()
    assert repr(sonnets) == "<Text: Shakespeare's sonnets, 95 646 characters>"


def test_a_text_from_a_file(own, sha256):
    content = "Naïve façade — “curled”\n".encode()
    (own / "made").mkdir()
    (own / "made/text.gz").write_bytes(gzip.compress(content))
    source = corpus.Source("a made text", Published("made/text.gz", {"text": sha256(content)}, size=len(content)))
    read = corpus.load("made", source)
    assert read.content == content.decode()
    assert read.description == f"a made text, {len(read.content)} characters"


def test_a_file_of_your_own(tmp_path, as_user):
    path = tmp_path / "own words.txt"
    path.write_bytes("Größe".encode("latin-1"))
    read = corpus.Text.read(str(path), "latin-1")
    assert (read.name, read.title, read.content) == ("own words", "own words.txt", "Größe")
    path.with_suffix(".marked").write_bytes("\ufeffSize".encode())  # with the byte-order mark of some editors
    assert corpus.Text.read(path.with_suffix(".marked")).content == "Size"
    with pytest.raises(DataError, match=r"own words\.txt is not UTF-8 \(byte 2 is f6\); specify its encoding, or save"):
        corpus.Text.read(path)
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        corpus.Text.read(tmp_path)
    with pytest.raises(InputError, match="encoding must be one such as 'utf-8' or 'latin-1', but is 'none'"):
        corpus.Text.read(path, "none")
    with pytest.raises(InputError, match="content must be text, but is None"):
        corpus.Text("name", "title", None)


def test_another_encoding_of_a_known_text_is_refused(own, sha256):
    content = "façade".encode("latin-1")
    (own / "made").mkdir()
    (own / "made/text").write_bytes(content)
    source = corpus.Source("a made text", Published("made/text", {"text": sha256(content)}, size=len(content)))
    with pytest.raises(DataError, match=r"made is not UTF-8 \(byte 2 is e7\)"):
        corpus.load("made", source)


@pytest.mark.parametrize("name", ["tiny-shakespeare", "text8"])
def test_missing_text_names_the_command(cache, name):
    with pytest.raises(DataError, match=f"`neuraxis data fetch {name}`"):
        text(name)


@pytest.mark.skipif(
    not (Path(os.environ.get("NEURAXIS_DATA", "")) / "shakespeare").is_dir(),
    reason="NEURAXIS_DATA names no folder that holds shakespeare",
)
def test_the_real_shakespeare_holds_the_sonnets():
    content = text("shakespeare").content
    assert len(content) == 5_052_273
    # The shipped text has the number of sonnet CXXVIII put right.
    sonnets = re.split(r"^[IVXLC]+$", text("sonnets").content, flags=re.MULTILINE)[1:]
    assert all(sonnet.strip() in content for sonnet in sonnets)
