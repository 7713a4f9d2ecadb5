"""The plan of the synthetic study: sites and their scanners, and the series of a visit.

Three sites follow healthy people aged 50 to 88 over two years. The values are plausible for
each vendor's sequences, not measured: times in milliseconds as DICOM has them, lengths in
millimetres, angles in degrees, field strength in tesla.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

GROUP = "memory-lab"
PROJECT_LABEL = "Ageing Brains – two-year follow-up"
STUDY_START = datetime(2021, 1, 11, 9, 0, tzinfo=timezone.utc)
VISIT_LABELS = ("baseline", "year-1", "year-2")
PEOPLE = (
    "ana.ortiz@example.org",
    "ben.okafor@example.org",
    "chiara.rossi@example.org",
    "dev.sharma@example.org",
)


@dataclass(frozen=True, slots=True)
class Scanner:
    """One MR scanner. `tsnr` is the resting-state signal-to-noise it was installed with."""

    manufacturer: str
    model: str
    station: str
    software: str
    serial: str
    field: float
    coil: str
    tsnr: float
    loss_per_month: float = 0.0
    loss_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One site of the study; offsets are minutes east of UTC in winter and in summer."""

    key: str
    institution: str
    city: str
    timezone: str
    offset_winter: int
    offset_summer: int
    scanner: Scanner
    returns: float
    """Chance that somebody of 65 comes back for a next visit."""


SITES = (
    Site(
        "NOR",
        "Northgate Imaging Centre",
        "Zürich",
        "Europe/Zurich",
        60,
        120,
        Scanner(
            "SIEMENS",
            "Prisma_fit",
            "MR-NOR1",
            "syngo MR XA30",
            "166042",
            3.0,
            "HeadNeck_64",
            tsnr=62.0,
        ),
        returns=0.93,
    ),
    Site(
        "HAR",
        "Harbour General Hospital",
        "Boston",
        "America/New_York",
        -300,
        -240,
        Scanner(
            "GE MEDICAL SYSTEMS",
            "SIGNA Premier",
            "MR-HAR1",
            "RX29.1_R02",
            "0000000617",
            3.0,
            "48HP Head",
            tsnr=56.0,
            loss_per_month=1.15,
            loss_from=datetime(2022, 3, 1, tzinfo=timezone.utc),
        ),
        returns=0.84,
    ),
    Site(
        "MEA",
        "Meadow Hills Institute",
        "Chennai",
        "Asia/Kolkata",
        330,
        330,
        Scanner(
            "Philips",
            "Ingenia Elition X",
            "MR-MEA1",
            "5.7.1",
            "45117",
            3.0,
            "MULTI COIL",
            tsnr=53.0,
        ),
        returns=0.89,
    ),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a visit. `kinds` are the files that come with it, in order."""

    label: str
    suffix: str
    intent: str
    measurement: str
    tr: float
    te: float
    ti: float | None
    flip: float
    voxel: tuple[float, float, float]
    matrix: tuple[int, int, int]
    volumes: int
    sequence: str
    scanning: str
    kinds: tuple[str, ...]
    bids: str
    task: str | None = None

    @property
    def functional(self) -> bool:
        """Whether the series is a time course (BOLD)."""
        return self.intent == "Functional"


_ANATOMY = ("dicom", "nifti", "sidecar")

PROTOCOL = (
    Series(
        "1 - localizer", "localizer", "Localizer", "T1", 8.6, 4.0, None, 20.0,
        (0.9766, 0.9766, 7.0), (256, 256, 9), 1, "fl2d1", "GR", ("dicom",), "",
    ),
    Series(
        "2 - T1w_MPRAGE", "T1w", "Structural", "T1", 2400.0, 2.22, 1000.0, 8.0,
        (0.8, 0.8, 0.8), (320, 300, 208), 1, "tfl3d1", "GR", _ANATOMY, "anat",
    ),
    Series(
        "3 - T2w_SPACE", "T2w", "Structural", "T2", 3200.0, 563.0, None, 120.0,
        (0.8, 0.8, 0.8), (320, 300, 208), 1, "spc", "SE", _ANATOMY, "anat",
    ),
    Series(
        "4 - FLAIR", "FLAIR", "Structural", "FLAIR", 5000.0, 386.0, 1800.0, 120.0,
        (1.0, 1.0, 1.0), (256, 256, 176), 1, "spcir", "SE", _ANATOMY, "anat",
    ),
    Series(
        "5 - BOLD_rest", "bold", "Functional", "T2*", 800.0, 37.0, None, 52.0,
        (2.0, 2.0, 2.0), (104, 104, 72), 488, "epfid2d1", "EP",
        (*_ANATOMY, "physio"), "func", task="rest",
    ),
    Series(
        "6 - BOLD_nback", "bold", "Functional", "T2*", 800.0, 37.0, None, 52.0,
        (2.0, 2.0, 2.0), (104, 104, 72), 364, "epfid2d1", "EP",
        (*_ANATOMY, "events", "physio"), "func", task="nback",
    ),
    Series(
        "7 - DWI_AP", "dwi", "Structural", "Diffusion", 3230.0, 89.2, None, 78.0,
        (1.5, 1.5, 1.5), (140, 140, 92), 99, "epse2d1", "EP",
        (*_ANATOMY, "bval", "bvec"), "dwi",
    ),
    Series(
        "8 - fieldmap_PA", "epi", "Fieldmap", "B0", 7220.0, 73.0, None, 90.0,
        (2.0, 2.0, 2.0), (104, 104, 72), 3, "epse2d1", "EP", _ANATOMY, "fmap",
    ),
)  # fmt: skip
"""The series of a visit, in the order in which they are measured."""
