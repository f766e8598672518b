-- What does each rung of the repair ladder mend, for which class of failure, and what does a mended agent cost?
SELECT
    rung,
    coalesce(error_class, 'all') AS failures,
    tries,
    mended,
    round(100 * yield, 1) AS yield_percent,
    unanswered,
    round(seconds / nullif(tries, 0), 2) AS seconds_per_try,
    round(usd / nullif(mended, 0), 4) AS usd_per_mended
FROM repair_rungs
ORDER BY rung, error_class IS NOT NULL, tries DESC, failures
