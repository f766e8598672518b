-- How are coverage and mutation score spread over the agents that were judged, in steps of five percent?
WITH told AS (
    SELECT 'coverage' AS figure, coverage AS percent FROM agents
    UNION ALL
    SELECT 'mutation score', mutation_score FROM agents
)
SELECT
    format('{}-{} %', (least(floor(percent / 5), 19) * 5)::INTEGER, (least(floor(percent / 5), 19) * 5)::INTEGER + 5)
        AS range,
    count(*) FILTER (figure = 'coverage') AS agents_by_coverage,
    count(*) FILTER (figure = 'mutation score') AS agents_by_mutation
FROM told
WHERE percent IS NOT NULL
GROUP BY range
ORDER BY max(percent) DESC
