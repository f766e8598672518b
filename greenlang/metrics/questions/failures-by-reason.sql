-- Why are specs not registered: how often does each reason come, without the names and numbers in it?
SELECT
    outcome,
    regexp_replace(regexp_replace(coalesce(reason, ''), '`[^`]*`', '…', 'g'), '\d+(\.\d+)?', '#', 'g') AS reason,
    count(*) AS specs,
    min(coalesce(agent_id || ' ' || version, file)) AS example
FROM agents
WHERE outcome <> 'registered'
GROUP BY ALL
ORDER BY specs DESC, outcome, reason
