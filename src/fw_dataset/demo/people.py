"""The people of the study and their visits: the facts that all records agree on.

A fact is drawn once, from the seed and the person's number, and never stored: records of
different tables that need the same fact derive it again. The facts hold what a researcher
should find: volumes shrink faster in older people, older people miss more visits, and one
scanner loses signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fw_dataset.demo.identity import object_id, random_for
from fw_dataset.demo.study import SITES, STUDY_START, VISIT_LABELS, Scanner, Site

YEAR_SECONDS = 31_557_600
"""Seconds of a Julian year: the platform counts ages in seconds."""
MONTH = timedelta(days=30.4375)


@dataclass(frozen=True, slots=True)
class Person:
    """One subject. Ages are years at the first visit, volumes mm³, heights metres."""

    index: int
    id: str
    label: str
    site: Site
    sex: str
    age: float
    enrolled: datetime
    height: float
    weight: float
    education: int
    moca: int
    hippocampus: float
    brain: float
    yearly_change: float
    visits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One session: its number (0 is the baseline) and what was true on that day."""

    person: Person
    number: int
    id: str
    start: datetime
    offset: int
    age_seconds: int
    weight: float
    motion: float
    hippocampus: float

    @property
    def label(self) -> str:
        """The session's label, as people read it."""
        return VISIT_LABELS[self.number]


@dataclass(frozen=True, slots=True)
class Cohort:
    """The seed and what is the same for the whole project."""

    seed: int
    complete: bool = False
    """Whether everybody comes to every visit (so that visits can be counted beforehand)."""

    @property
    def project_id(self) -> str:
        """The project's id."""
        return object_id(self.seed, STUDY_START - 3 * MONTH, "project")

    def person(self, index: int) -> Person:
        """Return the person with this number, counted from 0."""
        return _person(self.seed, index, self.complete)

    def visit(self, person: Person, number: int) -> Visit:
        """Return one visit of a person, whether or not they came."""
        return _visit(self.seed, person, number)


def _person(seed: int, index: int, complete: bool) -> Person:
    """Draw everything about one person."""
    draw = random_for(seed, "subject", index)
    site = SITES[index % len(SITES)]
    age = min(88.0, max(50.0, draw.gauss(67.0, 8.5)))
    sex = "female" if draw.random() < 0.54 else "male"
    enrolled = STUDY_START + timedelta(days=draw.randrange(330), minutes=15 * draw.randrange(28))
    height = draw.gauss(1.64 if sex == "female" else 1.77, 0.065)
    decline = 0.35 + 0.06 * max(0.0, age - 52.0) + draw.gauss(0.0, 0.22)
    brain = draw.gauss(1.43e6 if sex == "female" else 1.58e6, 9e4)
    returns = min(0.99, max(0.15, site.returns - 0.018 * (age - 65.0)))
    came = [0] + [number for number in (1, 2) if draw.random() < returns]
    return Person(
        index=index,
        id=object_id(seed, enrolled, "subject", index),
        label=f"sub-{site.key}{index // len(SITES) + 1:04d}",
        site=site,
        sex=sex,
        age=age,
        enrolled=enrolled,
        height=height,
        weight=draw.gauss(25.6, 3.4) * height * height,
        education=draw.choice((8, 10, 12, 12, 14, 16, 16, 18, 20)),
        moca=min(30, max(17, round(draw.gauss(27.6 - 0.06 * (age - 60.0), 1.5)))),
        hippocampus=draw.gauss(7900.0, 420.0) + (brain - 1.5e6) * 0.0021 - 38.0 * (age - 62.0),
        brain=brain,
        yearly_change=-decline,
        visits=(0, 1, 2) if complete else tuple(came),
    )


def _visit(seed: int, person: Person, number: int) -> Visit:
    """Draw one visit of a person."""
    draw = random_for(seed, "session", person.index, number)
    late = draw.gauss(4.0, 16.0) if number else 0.0
    start = person.enrolled + timedelta(days=365.25 * number + max(-45.0, min(60.0, late)))
    start = start.replace(microsecond=draw.randrange(1000) * 1000)
    years = (start - person.enrolled).total_seconds() / YEAR_SECONDS
    shrunk = 1.0 + person.yearly_change / 100.0 * years
    summer = 4 <= start.month <= 10
    return Visit(
        person=person,
        number=number,
        id=object_id(seed, start, "session", person.index, number),
        start=start,
        offset=person.site.offset_summer if summer else person.site.offset_winter,
        age_seconds=int((person.age + years) * YEAR_SECONDS),
        weight=round(person.weight * (1.0 + draw.gauss(0.0, 0.02)), 1),
        motion=min(0.75, draw.lognormvariate(-1.95, 0.38) * (1.0 + 0.012 * (person.age - 60.0))),
        hippocampus=person.hippocampus * shrunk + draw.gauss(0.0, 22.0),
    )


def scanner_tsnr(scanner: Scanner, when: datetime) -> float:
    """Return the signal-to-noise that the scanner reaches on a still phantom that day."""
    if scanner.loss_from is None or when < scanner.loss_from:
        return scanner.tsnr
    return max(12.0, scanner.tsnr - scanner.loss_per_month * ((when - scanner.loss_from) / MONTH))
