-- In which dialects are specs written, and which of them pass?
SELECT
    coalesce(dialect, 'none') AS dialect,
    count(*) AS specs,
    round(100 * count(*) / sum(count(*)) OVER (), 1) AS share_percent,
    count(*) FILTER (outcome = 'registered') AS registered,
    round(100 * count(*) FILTER (outcome = 'registered') / count(*), 1) AS pass_percent
FROM agents
GROUP BY ALL
ORDER BY specs DESC, dialect
