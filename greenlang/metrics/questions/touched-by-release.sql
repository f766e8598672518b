-- Which agents use a figure that a factor release changed or withdrew, and by how much did it change?
-- $release = : name of a stored release; empty: the newest that changed anything
WITH wanted AS (
    SELECT coalesce(nullif($release, ''), (
        SELECT release FROM factor_changes
        ORDER BY string_split(replace(release, 'factors-', ''), '.')::INTEGER[] DESC LIMIT 1
    )) AS release
)
SELECT
    agent_id,
    version,
    factor_key AS factor,
    round(100 * relative_change, 2) AS change_percent,
    old_value,
    new_value,
    unit,
    change,
    release
FROM factor_changes AS changes
JOIN wanted USING (release)
JOIN lineage ON kind = 'factor' AND split_part(replace(ref, 'ef://', ''), '@', 1) = factor_key
WHERE change <> 'added'
ORDER BY abs(relative_change) DESC NULLS LAST, agent_id, version, factor
