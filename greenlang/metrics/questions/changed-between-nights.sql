-- Which agents ended otherwise than the night before: fell, mended, or gave another result from the same inputs?
-- $before = : a night, 2026-11-20; empty: the last one on which something was built before $after
-- $after = : a later night; empty: the last one on which something was built
-- $points = 1: a score that changed by less than so much does not count
-- An agent's version is one thing over all contents of its spec; a file that gave none is its own.
WITH built AS (
    SELECT *, coalesce(agent_id || '@' || version, partition) AS which FROM history WHERE replaced_by IS NULL
), nights AS (
    SELECT DISTINCT finished_at::DATE AS night FROM built
), later AS (
    SELECT coalesce(nullif($after, '')::DATE, max(night)) AS night FROM nights
), earlier AS (
    SELECT coalesce(nullif($before, '')::DATE, (SELECT max(night) FROM nights WHERE night < later.night)) AS night
    FROM later
), told AS (
    SELECT built.*, later.night AS after_night, earlier.night AS before_night FROM built, later, earlier
), old AS (
    SELECT * FROM told WHERE finished_at < before_night + INTERVAL 1 DAY
    QUALIFY row_number() OVER (PARTITION BY which ORDER BY finished_at DESC, run_id DESC, partition DESC) = 1
), new AS (
    SELECT * FROM told WHERE finished_at < after_night + INTERVAL 1 DAY
    QUALIFY row_number() OVER (PARTITION BY which ORDER BY finished_at DESC, run_id DESC, partition DESC) = 1
)
SELECT
    coalesce(new.agent_id, new.file) AS agent,
    new.version,
    old.before_night AS night_before,
    new.after_night AS night,
    old.outcome AS outcome_before,
    new.outcome AS outcome_now,
    old.score AS score_before,
    new.score AS score_now,
    CASE
        WHEN old.outcome = 'registered' AND new.outcome <> 'registered' THEN 'fell'
        WHEN old.outcome <> 'registered' AND new.outcome = 'registered' THEN 'mended'
        WHEN new.score < old.score THEN 'worse'
        WHEN new.score > old.score THEN 'better'
        ELSE 'other'
    END AS what,
    coalesce(old.consumed_digest = new.consumed_digest, false) AS same_inputs,
    coalesce(new.reason, '') AS reason
FROM new JOIN old USING (which)
WHERE old.outcome <> new.outcome OR abs(new.score - old.score) >= $points::DOUBLE
ORDER BY what = 'fell' DESC, same_inputs DESC, agent, version
