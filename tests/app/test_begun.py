import json
import os
from dataclasses import dataclass
from types import ModuleType

import pytest

from neuraxis.app import begun
from neuraxis.app.begun import Begun
from neuraxis.errors import InputError
from neuraxis.experiment import check_settings


@dataclass(frozen=True)
class Settings:
    size: int = 3
    sizes: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        check_settings(self)


MODULE = ModuleType("made_up")
MODULE.Settings = Settings
BEGUN = Begun("made-up", {"size": 5, "sizes": [7, 8, 9]}, "bfloat16", "data=2", "--xla_a=1", "0.10.2", "cpu")


def test_all_survives_the_folder(tmp_path):
    BEGUN.write(tmp_path)
    found = begun.read(tmp_path, "made-up")
    assert found == BEGUN
    assert found.settings_of(MODULE) == Settings(5, (7, 8, 9))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "nothing to resume in"),
        ("{", "settings.json is damaged"),
        ("[1]", "settings.json is damaged"),
        ("null", "settings.json is damaged"),
        ('{"experiment": "made-up", "settings": {}}', "settings.json is damaged: 'digest' is missing"),
        ('{"digest": "x", "experiment": "made-up", "settings": {}, "more": 1}', "settings.json is damaged"),
        ('{"digest": "x", "experiment": "lif", "settings": {}}', "contains a run of lif, not of made-up"),
        ('{"digest": "x", "experiment": "made-up", "settings": {}}', "settings.json was changed after the run began"),
    ],
)
def test_a_folder_that_cannot_be_resumed_is_refused(tmp_path, as_user, content, message):
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(InputError, match=message):
        begun.read(tmp_path, "made-up")


@pytest.mark.parametrize("value", [6, 5.0, None, "5", True, [5], {}])
def test_a_setting_that_was_edited_is_noticed(tmp_path, as_user, value):
    BEGUN.write(tmp_path)
    path = tmp_path / "settings.json"
    stored = json.loads(path.read_text())
    stored["settings"]["size"] = value
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"settings\.json was changed after the run began"):
        begun.read(tmp_path, "made-up")
    assert path.exists()


@pytest.mark.parametrize("value", [5.0, None, "5", True, [5], {}])
def test_settings_of_the_wrong_type_are_refused_even_where_the_digest_is_right(as_user, value):
    with pytest.raises(InputError, match=r"^size must be an integer"):
        Begun("made-up", {"size": value, "sizes": []}).settings_of(MODULE)


def test_settings_of_another_version_are_refused(as_user):
    with pytest.raises(InputError, match=r"these are not settings of this version's made-up: .*'width'"):
        Begun("made-up", {"width": 3}).settings_of(MODULE)


def test_the_latest_interrupted_run_is_found(tmp_path):
    for number in (1, 2, 3):
        folder = tmp_path / f"made-up-{number}"
        BEGUN.write(folder)
        os.utime(folder, (number, number))
    (tmp_path / "made-up-3" / "metrics.json").touch()
    assert begun.unfinished("made-up", tmp_path) == tmp_path / "made-up-2"
    with pytest.raises(InputError, match="there is no interrupted run of other"):
        begun.unfinished("other", tmp_path)


def test_what_changed_is_said():
    now = Begun("made-up", {}, xla_flags="--xla_a=1", jax="0.11.0", device="gpu")
    assert BEGUN.differences(BEGUN) == ""
    assert BEGUN.differences(now) == (
        "the version of jax was '0.10.2' and is '0.11.0'; the device was 'cpu' and is 'gpu'"
    )
