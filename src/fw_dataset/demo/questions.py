"""Questions that a researcher would ask of the synthetic project, with the SQL that answers them.

The SQL is ordinary DuckDB: column names with a dot stand in double quotes, and `info` is JSON
text that `->>` looks into. Where it is compared it stands in parentheses: DuckDB before 2.0
binds `AND` more tightly and would take what is left of it for JSON. `TRY_CAST` turns a value
that is no number into null instead of failing, which real projects need.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, the SQL that answers it, and how to read the answer."""

    title: str
    sql: str
    reading: str


SIGNAL = Question(
    title="Is any scanner losing signal in the resting-state runs?",
    sql="""\
SELECT f.info->>'$.header.nifti.StationName' AS scanner,
       year(a."timestamp") AS year,
       count(*) AS runs,
       round(avg(TRY_CAST(f.info->>'$.qc.mriqc.tsnr.value' AS DOUBLE)), 1) AS mean_tsnr,
       count(*) FILTER ((f.info->>'$.qc.mriqc.tsnr.state') = 'FAIL') AS failed
FROM files f
JOIN acquisitions a ON a.id = f."parents.acquisition"
WHERE f.type = 'nifti' AND f.name LIKE '%BOLD_rest%'
  AND f.replaced IS NULL AND f.deleted IS NULL AND year(a."timestamp") > 2000
GROUP BY ALL
ORDER BY ALL""",
    reading="tSNR is signal over its noise in time; only the newest version of a file counts.",
)

ATROPHY = Question(
    title="How fast does the hippocampus shrink, at what age?",
    sql="""\
WITH scans AS (
  SELECT n."parents.subject" AS subject,
         s.age / 31557600 AS years,
         TRY_CAST(n.info->>'$.volumes.hippocampus' AS DOUBLE) AS mm3
  FROM analyses n
  JOIN sessions s ON s.id = n."parents.session"
  WHERE n."gear_info.name" = 'freesurfer-recon-all' AND s.age > 0
), people AS (
  SELECT subject, min(years) AS age, max(years) - min(years) AS followed,
         arg_min(mm3, years) AS first, arg_max(mm3, years) AS last
  FROM scans WHERE mm3 IS NOT NULL
  GROUP BY subject HAVING count(*) > 1
)
SELECT CASE WHEN age < 60 THEN '50-59' WHEN age < 70 THEN '60-69' ELSE '70 and over' END
         AS age_group,
       count(*) AS people,
       round(avg(first)) AS first_mm3,
       round(avg(100 * (last / first - 1) / followed), 2) AS percent_per_year
FROM people
GROUP BY age_group
ORDER BY age_group""",
    reading="Ages are seconds in `sessions.age`; people with one scan cannot be followed.",
)

ATTRITION = Question(
    title="Do the people who stay away differ from those who come back?",
    sql="""\
WITH people AS (
  SELECT s."parents.subject" AS subject, count(*) AS visits,
         min(s.age) / 31557600 AS age
  FROM sessions s
  WHERE s.deleted IS NULL
  GROUP BY subject
)
SELECT p.visits AS visits_made,
       count(*) AS people,
       round(avg(p.age), 1) AS mean_age,
       round(avg(TRY_CAST(u.info->>'$.neuropsychology.moca_baseline' AS DOUBLE)), 1) AS mean_moca
FROM people p
JOIN subjects u ON u.id = p.subject
GROUP BY p.visits
ORDER BY p.visits""",
    reading="Age and MoCA (a short test of thinking, 30 is best) are those of the first visit.",
)

ODD_SIZES = Question(
    title="What became of values that no column can hold?",
    sql="""\
SELECT name, size, extra->>'$.size' AS size_in_the_source
FROM files
WHERE size IS NULL AND (extra->>'$.size') IS NOT NULL
ORDER BY name, id
LIMIT 4""",
    reading="The column is null and `extra` keeps what the source said: nothing is lost.",
)

QUESTIONS = (SIGNAL, ATROPHY, ATTRITION)
"""The questions of the demo, in order."""

RUNS_SQL = """\
SELECT f.info->>'$.header.nifti.StationName' AS scanner,
       a."timestamp" AS measured,
       TRY_CAST(f.info->>'$.qc.mriqc.tsnr.value' AS DOUBLE) AS tsnr
FROM files f
JOIN acquisitions a ON a.id = f."parents.acquisition"
WHERE f.type = 'nifti' AND f.name LIKE '%BOLD_rest%'
  AND f.replaced IS NULL AND f.deleted IS NULL AND year(a."timestamp") > 2000
  AND tsnr IS NOT NULL
ORDER BY scanner, measured"""
"""The single runs behind the first question: what its picture shows."""
