import gzip
import subprocess
import sys

import pytest

from neuraxis import data
from neuraxis.data import _SETS, corpus, download, mnist
from neuraxis.data.published import Published
from neuraxis.errors import DataError, InputError


def test_names():
    assert data.names() == ["digits", "mnist", "fashion-mnist", "cifar10"]
    assert data.text_names() == ["sonnets", "tiny-shakespeare", "shakespeare", "text8"]


@pytest.mark.parametrize("name", data.names())
def test_files_lie_in_the_folder_that_the_fetch_command_names(name):
    assert all(file.path.startswith(f"{name}/") for file in _SETS[name].FILES)


@pytest.mark.parametrize("name", data.text_names())
def test_texts_lie_in_the_folder_that_the_fetch_command_names(name):
    file = corpus.SOURCES[name].file
    assert file is None or file.path.startswith(f"{name}/")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: data.load("mnits"), "unknown data set 'mnits'; did you mean 'mnist'?"),
        (
            lambda: data.load("imagenet"),
            "unknown data set 'imagenet'; choose from cifar10, digits, fashion-mnist, mnist",
        ),
        (lambda: data.find(["digits", "fashion"]), "unknown data set 'fashion'; did you mean 'fashion-mnist'?"),
        (lambda: data.find([]), "a data set must be named, but the list of names is empty"),
        (lambda: data.load(None), "the name of a data set must be text, but is of the type NoneType"),
        (lambda: data.find("mnist"), "names must be a list of names, as in ['mnist', 'digits'], but is 'mnist'"),
        (lambda: data.find(3), "names must be a list of names"),
        (lambda: data.find(["digits", 3]), "the name of a data set must be text, but is of the type int"),
        (lambda: data.is_at_hand([]), "the name of a data set or text must be text, but is of the type list"),
        (lambda: data.fetch("digits", "bar"), "progress must be a function, but is 'bar'"),
        (lambda: data.text("sonets"), "unknown text 'sonets'; did you mean 'sonnets'?"),
        (lambda: data.find_text([]), "a text must be named"),
        (lambda: data.fetch("cifar-10"), "unknown data set or text 'cifar-10'; did you mean 'cifar10'?"),
    ],
)
def test_unknown_names_suggest_the_nearest(ask, message, as_user):
    with pytest.raises(InputError) as error:
        ask()
    assert message in str(error.value)


def test_find_takes_the_first_at_hand(cache):
    assert data.find(["mnist", "digits"]).name == "digits"
    assert data.find_text(["text8", "sonnets"]).name == "sonnets"
    with pytest.raises(DataError, match="`neuraxis data fetch cifar10`"):
        data.find(["mnist", "cifar10"])


def test_find_does_not_pass_over_damaged_data(own):
    for file in mnist.FILES:
        (own / file.path).parent.mkdir(exist_ok=True)
        (own / file.path).write_bytes(gzip.compress(b"not digits"))
    with pytest.raises(DataError, match="damaged or altered"):
        data.find(["mnist", "digits"])


def test_fetch_asks_for_every_file(monkeypatch):
    asked = []
    monkeypatch.setattr(download, "fetch", lambda file, progress: asked.append(file.path))
    for name in ("mnist", "text8", "digits", "sonnets"):
        data.fetch(name)
    assert asked == [*(file.path for file in mnist.FILES), "text8/text8.zip"]


def test_every_digest_is_whole():
    files = [file for module in _SETS.values() for file in module.FILES]
    files += [source.file for source in corpus.SOURCES.values() if source.file]
    for file in files:
        assert isinstance(file, Published)
        digests = [digest for digest in (file.packed, *file.contents.values()) if digest]
        assert digests
        for digest in digests:
            algorithm, _, value = digest.partition(":")
            assert len(bytes.fromhex(value)) == {"sha256": 32, "md5": 16}[algorithm]


def test_listing_and_fetching_need_no_jax():
    code = (
        "import sys, neuraxis.data as data; data.names(); data.text_names(); data.fetch('digits');"
        "assert not {'jax', 'sklearn', 'pooch', 'requests'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
