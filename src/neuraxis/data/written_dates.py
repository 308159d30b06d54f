"""Dates as people write them, each with its ISO form: a small task of translation, made and not collected.

A form is a template such as `"{weekday}, {day} {month} {year}"`. The forms in words are all combinations of a few ways
to write each part; the others are fixed. A date in numbers alone is read by its separator, as where it is usual: dots
with the day first, slashes with the month first, and the year first where it comes first. A year of two digits is read
as POSIX does, 69 to 99 as 1969 to 1999 and 00 to 68 as 2000 to 2068, and no other date is written with one. So every
written date means one day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
FIRST, LAST = date(1969, 1, 1), date(2068, 12, 31)  # the hundred years that POSIX writes with two digits


def _joined(*parts: Sequence[str]) -> tuple[str, ...]:
    return tuple("".join(choice) for choice in product(*parts))


_IN_FRONT = ("", "{weekday}, ", "{weekday} ", "{weekday_short} ")
_MONTH = ("{month}", "{month_short}")
_SHORT_YEAR = "{year_short}"
DAY_FIRST = _joined(
    _IN_FRONT,
    ("{day} ", "{day_two} ", "{ordinal} ", "the {ordinal} of "),
    _MONTH,
    (" {year}", ", {year}", " '{year_short}"),
)
MONTH_FIRST = _joined(
    _IN_FRONT,
    _MONTH,
    (" {day}", " {day_two}", " {ordinal}", " the {ordinal}"),
    (", {year}", " {year}", ", '{year_short}"),
)
FIXED = (
    "{day_two}.{month_two}.{year}",
    "{day}.{number}.{year}",
    "{day}. {number}. {year}",
    "{day_two}.{month_two}.{year_short}",
    "{day}.{roman}.{year}",
    "{month_two}/{day_two}/{year}",
    "{number}/{day}/{year}",
    "{number}/{day}/{year_short}",
    "{year}/{month_two}/{day_two}",
    "{year}.{month_two}.{day_two}",
    "{year} {month} {day}",
    "{day}-{month_short}-{year}",
    "{day_two}-{month_short}-{year_short}",
)
COMBINED = (*DAY_FIRST, *MONTH_FIRST)
FORMS = (*COMBINED, *FIXED)
MOST_NEW_FORMS = 15  # the rarest parts, such as the ordinal with the day first, are in 16 forms without two-digit years


class Pair(NamedTuple):
    """A day in both forms."""

    written: str  # "Tuesday, 3 March 1987"
    iso: str  # "1987-03-03"


@dataclass(frozen=True)
class WrittenDates:
    """Pairs to learn from, and two tests on days that do not occur among them."""

    train: tuple[Pair, ...]
    test: tuple[Pair, ...]  # in the forms that are learnt
    test_new_forms: tuple[Pair, ...]  # in forms that are not: new combinations of parts that are
    new_forms: tuple[str, ...]


def write(day: date, form: str) -> str:
    """Write a date in a form, such as one of `FORMS`.

    Raises:
        InputError: for what is no date or no form, and for a year outside 1969 to 2068 where the form has two digits.
    """
    check.instance(date, day=day)
    day = date.fromordinal(day.toordinal())  # of a datetime, too
    if not isinstance(form, str):
        raise InputError(f"form must be a template such as '{{day}} {{month}} {{year}}', but is {check.received(form)}")
    if _SHORT_YEAR in form and not FIRST <= day <= LAST:
        raise InputError(f"a year of two digits stands for one from 1969 to 2068, but the day is {day.isoformat()}")
    weekday, month = _WEEKDAYS[day.weekday()], _MONTHS[day.month - 1]
    parts = {
        "weekday": weekday,
        "weekday_short": weekday[:3],
        "day": day.day,
        "day_two": f"{day.day:02}",
        "ordinal": f"{day.day}{_ending(day.day)}",
        "month": month,
        "month_short": month[:3],
        "number": day.month,
        "month_two": f"{day.month:02}",
        "roman": _ROMAN[day.month - 1],
        "year": f"{day.year:04}",
        "year_short": f"{day.year % 100:02}",
    }
    try:
        return form.format_map(parts)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"form may hold {', '.join(f'{{{p}}}' for p in parts)}, but is {form!r}") from error


def _ending(number: int) -> str:
    return "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def written_dates(
    train: int, test: int, *, seed: int, first: date = FIRST, last: date = LAST, new_forms: int = MOST_NEW_FORMS
) -> WrittenDates:
    """Draw pairs to learn from and to test on, which have no day in common.

    Args:
        train: pairs to learn from; the same day may come again, in another form or in the same.
        test: pairs in each test, all of different days.
        seed: chooses the days, their forms, and which forms are not learnt.
        first: the earliest day.
        last: the latest day; where the days reach beyond 1969 to 2068, no year is written with two digits.
        new_forms: how many of the combined forms are only tested, from 1 to 15: each part of them is in more forms than
            that, so that all parts are learnt.

    Raises:
        InputError: for numbers that are not whole or positive, and for days that are too few to test on others than are
            learnt.
    """
    check.whole(train=train, test=test, new_forms=new_forms)
    check.whole(0, seed=seed)
    check.instance(date, first=first, last=last)
    first, last = (date.fromordinal(day.toordinal()) for day in (first, last))  # of a datetime, too
    if new_forms > MOST_NEW_FORMS:
        raise InputError(f"new_forms must be at most {MOST_NEW_FORMS}, but is {new_forms}")
    days = (last - first).days + 1
    if days <= test:
        raise InputError(f"test must be less than the {max(days, 0)} days from {first} to {last}, but is {test}")
    random = np.random.default_rng(int(seed))
    short = first >= FIRST and last <= LAST
    combined, fixed = ([form for form in forms if short or _SHORT_YEAR not in form] for forms in (COMBINED, FIXED))
    order = random.permutation(len(combined))
    new, learnt = ([combined[i] for i in part] for part in (order[:new_forms], order[new_forms:]))
    learnt += fixed

    def pairs(numbers: np.ndarray, forms: list[str]) -> tuple[Pair, ...]:
        chosen = random.integers(len(forms), size=len(numbers))
        days = (first + timedelta(int(number)) for number in numbers)
        return tuple(Pair(write(day, forms[i]), day.isoformat()) for day, i in zip(days, chosen, strict=True))

    order = random.permutation(days)
    tested, others = order[:test], random.choice(order[test:], train)
    return WrittenDates(pairs(others, learnt), pairs(tested, learnt), pairs(tested, new), tuple(new))
