"""Dates as people write them, each with its ISO form: a small synthetic translation task.

A form is a template such as `"{weekday}, {day} {month} {year}"`. The forms with words are all combinations of a few
ways to write each part; the others are fixed. The separator of a purely numeric date determines its order, by common
convention: dots mean that the day comes first and slashes that the month does, unless the year comes first. Two-digit
years follow POSIX, with 69 to 99 for 1969 to 1999 and 00 to 68 for 2000 to 2068, and are not used for other years.
Every written date is therefore unambiguous.
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
FIRST, LAST = date(1969, 1, 1), date(2068, 12, 31)  # the hundred years that have two-digit forms in POSIX


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
MOST_NEW_FORMS = 15  # the rarest parts, such as the ordinal in DAY_FIRST, occur in 16 forms without two-digit years


class Pair(NamedTuple):
    """A day in both forms."""

    written: str  # "Tuesday, 3 March 1987"
    iso: str  # "1987-03-03"


@dataclass(frozen=True)
class WrittenDates:
    """Training pairs, and two test sets of days that do not occur among them."""

    train: tuple[Pair, ...]
    test: tuple[Pair, ...]  # in the forms of the training pairs
    test_new_forms: tuple[Pair, ...]  # in held-out forms: new combinations of the same parts
    new_forms: tuple[str, ...]


def write(day: date, form: str) -> str:
    """Write a date in a form, such as one of `FORMS`.

    Raises:
        InputError: if `day` is not a date or `form` not a form, and for a year outside 1969 to 2068 in a form with a
            two-digit year.
    """
    check.instance(date, day=day)
    day = date.fromordinal(day.toordinal())  # also converts a datetime
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
        raise InputError(f"form may contain {', '.join(f'{{{p}}}' for p in parts)}, but is {form!r}") from error


def _ending(number: int) -> str:
    return "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def written_dates(
    train: int, test: int, *, seed: int, first: date = FIRST, last: date = LAST, new_forms: int = MOST_NEW_FORMS
) -> WrittenDates:
    """Draw training and test pairs, which have no day in common.

    Args:
        train: number of training pairs; days may occur more than once, in the same or different forms.
        test: number of pairs in each test set, all of different days.
        seed: random seed for the days, their forms, and the held-out forms.
        first: earliest day.
        last: latest day; if the days exceed the years 1969 to 2068, no year is written with two digits.
        new_forms: number of combined forms held out for testing, from 1 to 15; as every part occurs in more forms than
            that, all parts occur in the training forms.

    Raises:
        InputError: for numbers that are not positive integers, and for too few days to test on ones that are not
            trained on.
    """
    check.whole(train=train, test=test, new_forms=new_forms)
    check.whole(0, seed=seed)
    check.instance(date, first=first, last=last)
    first, last = (date.fromordinal(day.toordinal()) for day in (first, last))  # also converts a datetime
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
