-- Questions to ask of the demo's dataset (`make demo` makes it), one statement each.
-- They are ordinary DuckDB SQL over the tables of a dataset:
--   * a column name with a dot stands in double quotes: "parents.session";
--   * `info` is JSON text, and ->> takes a value out of it, as text. Where it is compared,
--     put it in parentheses, which DuckDB before 2.0 needs: (info->>'$.a') = 'b';
--   * TRY_CAST makes null of a value that is no number, which real projects have;
--   * `replaced IS NULL AND deleted IS NULL` keeps the newest version of each file.
-- Run one with:  fw-dataset query DATASET "SELECT ..."


-- Is any scanner losing signal in the resting-state runs?
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
ORDER BY ALL;


-- How fast does the hippocampus shrink, at what age?
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
ORDER BY age_group;


-- Do the people who stay away differ from those who come back?
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
ORDER BY p.visits;


-- How many people did each site keep over the two years?
SELECT s."timezone" AS site_timezone,
       count(DISTINCT s."parents.subject") AS enrolled,
       count(*) FILTER (s.label = 'year-1') AS came_after_1_year,
       count(*) FILTER (s.label = 'year-2') AS came_after_2_years
FROM sessions s
WHERE s.deleted IS NULL
GROUP BY ALL
ORDER BY enrolled DESC, site_timezone;


-- Did every site keep to the protocol? Echo and repetition times (ms) of each series.
SELECT info->>'$.header.dicom.SeriesDescription' AS series,
       info->>'$.header.dicom.ManufacturerModelName' AS scanner,
       min(TRY_CAST(info->>'$.header.dicom.EchoTime' AS DOUBLE)) AS shortest_te,
       max(TRY_CAST(info->>'$.header.dicom.EchoTime' AS DOUBLE)) AS longest_te,
       max(TRY_CAST(info->>'$.header.dicom.RepetitionTime' AS DOUBLE)) AS longest_tr,
       count(*) AS files
FROM files
WHERE type = 'dicom' AND replaced IS NULL AND deleted IS NULL
  AND (info->>'$.header.dicom.SeriesDescription') IS NOT NULL
GROUP BY ALL
ORDER BY ALL;


-- Which runs failed a quality check, and how much did the person move (mean FD in mm)?
SELECT a.label AS acquisition,
       s.label AS visit,
       u.label AS subject,
       round(TRY_CAST(f.info->>'$.qc.mriqc.tsnr.value' AS DOUBLE), 1) AS tsnr,
       round(TRY_CAST(f.info->>'$.qc.mriqc.fd_mean.value' AS DOUBLE), 2) AS mean_fd
FROM files f
JOIN acquisitions a ON a.id = f."parents.acquisition"
JOIN sessions s ON s.id = f."parents.session"
JOIN subjects u ON u.id = f."parents.subject"
WHERE f.replaced IS NULL AND f.deleted IS NULL
  AND 'FAIL' IN (f.info->>'$.qc.mriqc.tsnr.state', f.info->>'$.qc.mriqc.fd_mean.state')
ORDER BY tsnr
LIMIT 10;


-- What takes the space, and how much of it is old versions?
SELECT coalesce(type, 'unknown') AS type,
       count(*) AS files,
       round(sum(size) / 1e9, 2) AS gigabytes,
       round(sum(size) FILTER (replaced IS NOT NULL) / 1e9, 2) AS gigabytes_of_old_versions
FROM files
WHERE deleted IS NULL
GROUP BY ALL
ORDER BY gigabytes DESC NULLS LAST, type;


-- What became of values that no column can hold? The column is null, `extra` keeps them.
SELECT name, size, extra->>'$.size' AS size_in_the_source
FROM files
WHERE size IS NULL AND (extra->>'$.size') IS NOT NULL
ORDER BY name, id
LIMIT 4;
