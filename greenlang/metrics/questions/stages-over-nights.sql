-- How long does each stage of the line take an agent, night by night?
-- $nights = 14: how many nights, the last on which something was built
WITH stages AS (
    SELECT night, partition, stage.key AS stage, stage.value AS seconds
    FROM (
        SELECT finished_at::DATE AS night, partition, unnest(map_entries(stage_seconds)) AS stage FROM history
    )
)
SELECT
    night,
    stage,
    round(avg(seconds), 3) AS average_seconds,
    round(quantile_cont(seconds, 0.95), 3) AS p95_seconds,
    round(sum(seconds), 1) AS total_seconds,
    count(*) AS builds
FROM stages
WHERE night IN (SELECT DISTINCT night FROM stages ORDER BY night DESC LIMIT $nights::INTEGER)
GROUP BY night, stage
ORDER BY night, total_seconds DESC, stage
