"""What a researcher should find in the synthetic study is in it."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from statistics import mean

import pytest

from fw_dataset.demo import write_snapshot
from fw_dataset.demo.identity import local_instant
from fw_dataset.demo.people import Cohort, scanner_tsnr
from fw_dataset.demo.study import SITES
from tests.demo.snapshot_reading import records


def test_one_scanner_loses_signal_and_the_others_do_not() -> None:
    start = datetime(2021, 6, 1, tzinfo=timezone.utc)
    end = datetime(2023, 11, 1, tzinfo=timezone.utc)
    lost = {site.key: scanner_tsnr(site.scanner, end) / site.scanner.tsnr for site in SITES}
    assert all(scanner_tsnr(site.scanner, start) == site.scanner.tsnr for site in SITES)
    assert lost.pop("HAR") < 0.7
    assert set(lost.values()) == {1.0}


def test_older_people_lose_more_volume_and_miss_more_visits() -> None:
    people = [Cohort(7).person(index) for index in range(400)]
    young = [person for person in people if person.age < 60]
    old = [person for person in people if person.age > 72]
    assert mean(person.yearly_change for person in old) < -1.2
    assert mean(person.yearly_change for person in young) > -0.9
    assert mean(len(p.visits) for p in old) < mean(len(p.visits) for p in young) - 0.3


def test_headers_fit_the_session_and_the_subject(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "a.db", subjects=6, odd_values=False)
    sessions = dict(records(tmp_path / "a.db", "session"))
    subjects = dict(records(tmp_path / "a.db", "subject"))
    stations: defaultdict[str, set[str]] = defaultdict(set)
    seen = 0
    for _, file in records(tmp_path / "a.db", "file"):
        if file["type"] != "dicom":
            continue
        header = file["info"]["header"]["dicom"]
        session = sessions[file["parents"]["session"]]
        subject = subjects[file["parents"]["subject"]]
        assert header["PatientID"] == subject["label"]
        assert re.fullmatch(r"0\d\dY", header["PatientAge"])
        assert int(header["PatientAge"][:3]) == session["age"] // 31_557_600
        day = datetime.strptime(header["StudyDate"], "%Y%m%d").replace(tzinfo=timezone.utc)
        assert day.date() == datetime.fromisoformat(session["timestamp"]).date()
        stations[subject["info"]["site"]].add(header["StationName"])
        seen += 1
    assert seen > 50
    assert {site: len(names) for site, names in stations.items()} == {s.key: 1 for s in SITES}


def test_times_come_with_the_offsets_of_the_sites(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "a.db", subjects=20, odd_values=False)
    offsets = {r["timestamp"][-6:] for _, r in records(tmp_path / "a.db", "session")}
    assert {"+01:00", "+02:00", "-05:00", "-04:00", "+05:30"} == offsets


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (0, "2022-03-04T23:30:00Z"),
        (330, "2022-03-05T05:00:00.000+05:30"),
        (-300, "2022-03-04T18:30:00.000-05:00"),
    ],
)
def test_a_local_instant_keeps_its_offset(offset: int, text: str) -> None:
    assert local_instant(datetime(2022, 3, 4, 23, 30, tzinfo=timezone.utc), offset) == text
