-- What do language models cost, by provider and by the domain of the agents that they were asked for?
SELECT
    provider,
    coalesce(nullif(split_part(split_part(partition, '@', 1), '/', 1), ''), 'none') AS domain,
    sum(cost_usd) AS cost_usd,
    count(*) FILTER (call <> 'replayed') AS calls,
    count(*) FILTER (call = 'replayed') AS replayed,
    sum(total_tokens) AS tokens,
    count(DISTINCT partition) AS agents,
    round((sum(cost_usd) / nullif(count(DISTINCT partition), 0))::DOUBLE, 6) AS usd_per_agent,
    count(*) FILTER (estimated) AS estimated_calls
FROM llm_usage
GROUP BY provider, domain
ORDER BY cost_usd DESC, provider, domain
