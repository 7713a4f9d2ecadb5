"""Many datasets in one connection, of which a query names three."""

from __future__ import annotations

from benchmarks.figures import Case, seconds
from benchmarks.processes import python_json
from benchmarks.setting import Setting

__all__ = ["MOST_SECONDS", "measure_federation"]

MOST_SECONDS = 0.2
_DATASETS, _FEW = 200, 8


def measure_federation(setting: Setting) -> Case:
    """Connect the datasets and ask three of them, again and again in one process."""
    count = _DATASETS if setting.goals else _FEW
    folder = setting.fresh("federated")
    made = python_json("federation", str(folder), str(count), str(setting.runs))
    setting.fresh("federated")
    case = Case(f"connect_all() over {count} datasets, and a query over 3 of them")
    case.runs = made["runs"]
    for given, runs in made["runs"].items():
        for measure, key, goal in (
            ("connected and answered", "seconds", setting.goal(MOST_SECONDS)),
            ("of it connecting", "connect", None),
            ("CPU", "cpu", None),
        ):
            case.figures.append(seconds(given, measure, [run[key] for run in runs], goal))
    case.notes += [
        f"in one process, after the imports; all datasets together have {made['views']:,} views",
        'with the query: `connect_all({"site000": …, …}, sql=query)`, which makes only the views'
        " that it names, and opens only their datasets; without, all views are made",
    ]
    return case
