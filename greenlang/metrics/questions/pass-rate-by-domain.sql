-- In which domains do specs become registered agents, and how good are these?
SELECT
    split_part(agent_id, '/', 1) AS domain,
    round(100 * count(*) FILTER (outcome = 'registered') / count(*), 1) AS pass_percent,
    count(*) AS specs,
    count(*) FILTER (outcome = 'registered') AS registered,
    round(avg(score) FILTER (outcome = 'registered'), 2) AS average_score
FROM agents
WHERE agent_id IS NOT NULL
GROUP BY domain
ORDER BY pass_percent, specs DESC, domain
