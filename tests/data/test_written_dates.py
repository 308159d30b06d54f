import re
from datetime import date, datetime

import numpy as np
import pytest

from neuraxis.data import written_dates as dates
from neuraxis.data.written_dates import COMBINED, FIRST, FORMS, LAST, write, written_dates
from neuraxis.errors import InputError

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
# What Python's datetime calls the parts. It reads a day or month of one digit by the code for two.
CODES = {
    "weekday": "%A",
    "weekday_short": "%a",
    "day": "%d",
    "day_two": "%d",
    "ordinal": "%d",
    "month": "%B",
    "month_short": "%b",
    "number": "%m",
    "month_two": "%m",
    "roman": "%m",
    "year": "%Y",
    "year_short": "%y",
}


def read(written, form):
    """Read a date by `datetime.strptime`, for which endings and Roman numbers are taken out."""
    written = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", written)
    if "{roman}" in form:
        written = re.sub(r"[IVX]+", lambda found: str(ROMAN.index(found[0]) + 1), written)
    return datetime.strptime(written, form.format_map(CODES)).date()


@pytest.fixture(scope="module")
def drawn():
    return written_dates(3000, 400, seed=0)


def test_every_form_means_its_day():
    random = np.random.default_rng(0)
    days = [FIRST, LAST, date(1972, 2, 29), date(1999, 12, 31), date(2000, 1, 1)]
    days += [date.fromordinal(int(i)) for i in random.integers(FIRST.toordinal(), LAST.toordinal(), 20)]
    for form in FORMS:
        for day in days:
            written = write(day, form)
            assert read(written, form) == day
            if "{weekday" in form:
                assert day.strftime("%a") in written
    assert len(set(FORMS)) == len(FORMS) == 205


def test_a_day_as_it_is_written():
    day = date(1987, 3, 3)
    assert write(day, "{weekday}, {day} {month} {year}") == "Tuesday, 3 March 1987"
    assert write(day, "{month_short} {day}, '{year_short}") == "Mar 3, '87"
    assert write(day, "the {ordinal} of {month} {year}") == "the 3rd of March 1987"
    assert write(day, "{day_two}.{month_two}.{year}") == "03.03.1987"
    endings = [write(date(2000, 1, i), "{ordinal}") for i in (1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31)]
    assert " ".join(endings) == "1st 2nd 3rd 4th 10th 11th 12th 13th 20th 21st 22nd 23rd 30th 31st"


def test_no_two_days_are_written_alike():
    """Where day, month and the year's two digits could be taken for each other."""
    meant = {}
    days = [date(2003, month, day) for month in range(1, 13) for day in range(1, 13)]
    for day in [*days, date(2011, 3, 5), date(2005, 3, 11), date(2005, 11, 3)]:
        for form in FORMS:
            assert meant.setdefault(write(day, form), day) == day


def test_pairs_are_right_and_no_day_is_both_learnt_and_tested(drawn):
    assert [len(part) for part in (drawn.train, drawn.test, drawn.test_new_forms)] == [3000, 400, 400]
    for written, iso in (*drawn.train[:300], *drawn.test[:100], *drawn.test_new_forms[:100]):
        assert any(write(date.fromisoformat(iso), form) == written for form in FORMS)
    learnt, tested = ({iso for _, iso in part} for part in (drawn.train, drawn.test))
    assert not learnt & tested
    assert len(tested) == 400
    assert tested == {iso for _, iso in drawn.test_new_forms}


def test_new_forms_are_only_tested_and_all_their_parts_are_learnt(drawn):
    new = set(drawn.new_forms)
    assert len(new) == 15
    assert new < set(COMBINED)
    learnt = [form for form in FORMS if form not in new]
    for written, iso in drawn.test_new_forms:
        assert written in {write(date.fromisoformat(iso), form) for form in new}
    assert not {w for w, _ in drawn.test_new_forms} & {w for w, _ in drawn.train}
    for written, iso in drawn.train[300:500]:
        assert written in {write(date.fromisoformat(iso), form) for form in learnt}
    assert len({written for written, _ in drawn.train}) > 2500


def test_the_seed_decides():
    assert written_dates(50, 20, seed=3) == written_dates(50, 20, seed=3)
    assert written_dates(50, 20, seed=3).test != written_dates(50, 20, seed=4).test


def test_beyond_a_hundred_years_every_year_has_four_digits():
    found = written_dates(500, 100, seed=0, first=date(1900, 1, 1), last=date(2099, 12, 31))
    for written, iso in (*found.train, *found.test, *found.test_new_forms):
        assert iso[:4] in written


@pytest.mark.parametrize("seed", range(20))
def test_each_part_is_learnt(seed):
    """With the most new forms, those that are left hold every part, with the day first and with the month first."""
    found = written_dates(1, 1, seed=seed, first=date(1900, 1, 1))
    for family in (dates.DAY_FIRST, dates.MONTH_FIRST):
        family = [form for form in family if "year_short" not in form]
        left = [form for form in family if form not in found.new_forms]
        parts = {part for form in family for part in re.findall(r"{\w+}", form)}
        assert {part for form in left for part in re.findall(r"{\w+}", form)} == parts


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"train": 0}, "train must be an integer of at least 1"),
        ({"test": 2.5}, "test must be an integer"),
        ({"test": 40_000}, "test must be less than the 36525 days from 1969-01-01 to 2068-12-31, but is 40000"),
        ({"last": date(1960, 1, 1)}, "test must be less than the 0 days"),
        ({"first": "1969"}, "first must be a date, but is '1969'"),
        ({"new_forms": 16}, "new_forms must be at most 15, but is 16"),
        ({"new_forms": 0}, "new_forms must be an integer"),
        ({"seed": -1}, "seed must be an integer"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        written_dates(**{"train": 10, "test": 10, "seed": 0, **wrong})


@pytest.mark.usefixtures("as_user")
def test_what_cannot_be_written_is_refused():
    with pytest.raises(InputError, match="a year of two digits stands for one from 1969 to 2068, but the day is 1950"):
        write(date(1950, 1, 1), "{day} {month} {year_short}")
    for wrong in ("{hour}", "{day", "{}"):
        with pytest.raises(InputError, match=r"form may contain \{weekday\}"):
            write(FIRST, wrong)
    for wrong in (None, 3):
        with pytest.raises(InputError, match="form must be a template"):
            write(FIRST, wrong)
    with pytest.raises(InputError, match="day must be a date"):
        write("1987-03-03", "{day}")
