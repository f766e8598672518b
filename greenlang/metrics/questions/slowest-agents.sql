-- Which agents take the longest to build, and in which stage is that time spent?
-- $rows = 20: how many agents
WITH stages AS (
    SELECT partition, stage.key AS stage, stage.value AS stage_seconds
    FROM (SELECT partition, unnest(map_entries(stage_seconds)) AS stage FROM agents)
), longest AS (
    SELECT partition, arg_max(stage, stage_seconds) AS longest_stage, max(stage_seconds) AS longest_stage_seconds
    FROM stages
    GROUP BY partition
)
SELECT
    coalesce(agent_id, file) AS agent,
    version,
    round(seconds, 2) AS seconds,
    longest_stage,
    round(longest_stage_seconds, 2) AS longest_stage_seconds,
    round(100 * longest_stage_seconds / nullif(seconds, 0), 1) AS longest_stage_percent,
    tests_total AS tests,
    outcome
FROM agents JOIN longest USING (partition)
ORDER BY agents.seconds DESC, agent, version
LIMIT $rows::INTEGER
