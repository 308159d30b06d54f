import gzip
import os
import re
from pathlib import Path

import pytest

from neuraxis.data import corpus, text
from neuraxis.data.published import Published
from neuraxis.errors import DataError


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
    source = corpus.Source("a made text", Published("made/text.gz", {"text": sha256(content)}))
    read = corpus.load("made", source)
    assert read.content == content.decode()
    assert read.description == f"a made text, {len(read.content)} characters"


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
