-- On which factor rows do the most agents rest, with their figure in force and where it is published?
-- $rows = 20: how many factor rows
WITH used AS (
    SELECT
        split_part(replace(ref, 'ef://', ''), '@', 1) AS factor,
        count(DISTINCT partition) AS agents,
        any_value(citation) AS citation
    FROM lineage
    WHERE kind = 'factor'
    GROUP BY factor
)
SELECT factor, agents, value, unit, publisher, vintage, citation
FROM used LEFT JOIN factors ON factors.key = used.factor
ORDER BY agents DESC, factor
LIMIT $rows::INTEGER
