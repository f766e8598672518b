"""What is reckoned over several rows of the mirror, within the transaction that adds them.

Every statement gives the same result in whatever order parts arrive, and changes only what differs. Belongs here: that
SQL. Does not belong here: single rows (`rows`), when it is run (`fill`).
"""

from __future__ import annotations

# A call belongs to the first outcome of its spec that was written after it. %(keys)s: partition keys.
CALLS_TO_JOBS = """
UPDATE llm_usage u SET job_id = found.job
FROM (
    SELECT c.id, (
        SELECT j.id FROM mirror_jobs j WHERE j.key = c.key AND j.written_at >= c.created_at
        ORDER BY j.written_at, j.part LIMIT 1
    ) AS job
    FROM mirror_calls c WHERE c.key = ANY(%(keys)s)
) found
WHERE u.id = found.id AND u.job_id IS DISTINCT FROM found.job"""

COSTS_OF_JOBS = """
UPDATE generation_jobs g SET cost_usd = found.cost
FROM (
    SELECT j.id, coalesce(sum(c.cost_usd), 0)::DECIMAL(10, 4) AS cost
    FROM mirror_jobs j LEFT JOIN llm_usage u ON u.job_id = j.id LEFT JOIN mirror_calls c ON c.id = u.id
    WHERE j.key = ANY(%(keys)s) GROUP BY j.id
) found
WHERE g.id = found.id AND g.cost_usd IS DISTINCT FROM found.cost"""

# Of each key the last job with a pack has its texts.
TEXTS_WANTED = """
UPDATE mirror_jobs m SET texts = CASE WHEN m.id <> last.id THEN 'none' ELSE 'wanted' END
FROM (
    SELECT DISTINCT ON (key) key, id FROM mirror_jobs WHERE key = ANY(%(keys)s) AND pack_digest <> ''
    ORDER BY key, written_at DESC, part DESC
) last
WHERE m.key = last.key AND m.texts <> CASE WHEN m.id <> last.id THEN 'none' WHEN m.texts = 'there' THEN 'there'
    ELSE 'wanted' END"""

TEXTS_GONE = """
UPDATE agent_artifacts a SET agent_code = NULL, agent_code_hash = NULL, test_code = NULL, test_code_hash = NULL,
    documentation = NULL, deployment_pack = NULL, demo_scripts = NULL
FROM mirror_jobs m
WHERE a.job_id = m.id AND m.key = ANY(%(keys)s) AND m.texts <> 'there' AND a.agent_code_hash IS NOT NULL"""

# %(days)s and %(ids)s: dates and the ids of their rows.
DAYS = """
INSERT INTO factory_metrics AS f (id, metric_date, total_generated, successful, failed, avg_generation_time_seconds,
    avg_refinements, avg_cost_usd, total_cost_usd, llm_provider_stats, error_categories, created_at)
SELECT d.id, d.day, jobs.total, jobs.successful, jobs.total - jobs.successful, jobs.seconds, jobs.rounds,
    calls.cost / nullif(jobs.total, 0), calls.cost, coalesce(providers.stats, '{}'), coalesce(errors.categories, '{}'),
    greatest(jobs.last, calls.last)
FROM unnest(%(days)s::DATE[], %(ids)s::UUID[]) AS d(day, id)
CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE m.outcome = 'registered') AS successful,
        avg(g.duration_seconds::NUMERIC)::FLOAT AS seconds, avg(g.refinement_attempts)::FLOAT AS rounds,
        max(m.written_at) AS last
    FROM mirror_jobs m JOIN generation_jobs g ON g.id = m.id
    WHERE m.written_at >= d.day AND m.written_at < d.day + 1
) jobs
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.cost_usd), 0) AS cost, max(c.created_at) AS last
    FROM mirror_calls c WHERE c.created_at >= d.day AND c.created_at < d.day + 1
) calls
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(p.provider, p.stats) AS stats FROM (
        SELECT u.provider, jsonb_build_object('calls', count(*) FILTER (WHERE c.call <> 'replayed'),
            'replayed', count(*) FILTER (WHERE c.call = 'replayed'), 'total_tokens', coalesce(sum(u.total_tokens), 0),
            'cost_usd', sum(c.cost_usd)) AS stats
        FROM mirror_calls c JOIN llm_usage u ON u.id = c.id
        WHERE c.created_at >= d.day AND c.created_at < d.day + 1 GROUP BY u.provider
    ) p
) providers
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(o.outcome, o.n) AS categories FROM (
        SELECT m.outcome, count(*) AS n FROM mirror_jobs m
        WHERE m.written_at >= d.day AND m.written_at < d.day + 1 AND m.outcome <> 'registered' GROUP BY m.outcome
    ) o
) errors
ON CONFLICT (metric_date) DO UPDATE SET total_generated = excluded.total_generated, successful = excluded.successful,
    failed = excluded.failed, avg_generation_time_seconds = excluded.avg_generation_time_seconds,
    avg_refinements = excluded.avg_refinements, avg_cost_usd = excluded.avg_cost_usd,
    total_cost_usd = excluded.total_cost_usd, llm_provider_stats = excluded.llm_provider_stats,
    error_categories = excluded.error_categories, created_at = excluded.created_at
WHERE f IS DISTINCT FROM excluded"""

# From the temporary table `fresh_runs`, which holds what the runs say of themselves.
BATCHES = """
INSERT INTO batch_jobs AS b (id, batch_id, total_agents, completed, failed, status, job_ids, started_at, completed_at,
    created_by)
SELECT r.id, r.batch_id, r.agents, r.kept + done.registered, done.failed,
    CASE WHEN r.finished_at IS NULL THEN 'running' ELSE 'completed' END, done.ids, r.started_at, r.finished_at,
    r.created_by
FROM fresh_runs r
CROSS JOIN LATERAL (
    SELECT count(DISTINCT m.key) FILTER (WHERE m.outcome = 'registered') AS registered,
        count(DISTINCT m.key) FILTER (WHERE m.outcome <> 'registered') AS failed,
        coalesce(jsonb_agg(m.id ORDER BY m.written_at, m.part, m.key), '[]') AS ids
    FROM mirror_jobs m WHERE m.run_id = r.run_id
) done
ON CONFLICT (batch_id) DO UPDATE SET total_agents = excluded.total_agents, completed = excluded.completed,
    failed = excluded.failed, status = excluded.status, job_ids = excluded.job_ids, started_at = excluded.started_at,
    completed_at = excluded.completed_at, created_by = excluded.created_by
WHERE b IS DISTINCT FROM excluded"""

SPECS = """
INSERT INTO agent_specs (id, agent_id, version, name, domain, category, spec_yaml, spec_hash, created_at, updated_at)
SELECT id, agent_id, version, name, domain, category, spec_yaml, spec_hash, created_at, updated_at
FROM fresh_agent_specs
ON CONFLICT (agent_id) DO NOTHING"""

# What an agent's last outcome says; the moment of its first is kept.
SPECS_NEWER = """
UPDATE agent_specs s SET version = f.version, name = f.name, category = f.category, spec_yaml = f.spec_yaml,
    spec_hash = f.spec_hash, updated_at = f.updated_at
FROM fresh_agent_specs f
WHERE s.id = f.id AND (f.updated_at, f.version, f.spec_hash) > (s.updated_at, s.version, s.spec_hash)"""

SPECS_OLDER = """
UPDATE agent_specs s SET created_at = f.created_at
FROM fresh_agent_specs f WHERE s.id = f.id AND f.created_at < s.created_at"""

# A step belongs to the artifact of the first job that gave its pack.
STEPS_TO_ARTIFACTS = """
UPDATE provenance_chain p SET artifact_id = a.id
FROM (
    SELECT DISTINCT ON (pack_digest) pack_digest, id FROM mirror_jobs WHERE pack_digest = ANY(%(packs)s)
    ORDER BY pack_digest, written_at, part, key
) first
JOIN agent_artifacts a ON a.job_id = first.id
WHERE p.event_data ->> 'pack_digest' = first.pack_digest AND p.artifact_id IS DISTINCT FROM a.id"""

# From the temporary table `fresh_entries`: the entries of the registry that serve as references. Code of another pack
# than the registry's goes, also where the new one is not here (yet).
REFERENCES_GONE = """
DELETE FROM reference_agents r WHERE NOT EXISTS (
    SELECT FROM fresh_entries e WHERE e.agent_id = r.agent_id AND e.pack_digest = r.metrics ->> 'pack_digest')"""

REFERENCES = """
INSERT INTO reference_agents AS r (id, agent_id, domain, category, agent_code, test_code, spec_yaml, metrics,
    is_gold_standard, created_at)
SELECT e.id, e.agent_id, e.domain, s.category, a.agent_code, a.test_code, s.spec_yaml, e.metrics, e.certified,
    e.built_at
FROM fresh_entries e
JOIN LATERAL (
    SELECT m.id FROM mirror_jobs m WHERE m.pack_digest = e.pack_digest AND m.texts = 'there'
    ORDER BY m.written_at, m.part LIMIT 1
) build ON true
JOIN agent_artifacts a ON a.job_id = build.id AND a.agent_code IS NOT NULL
LEFT JOIN agent_specs s ON s.agent_id = e.agent_id AND s.version = e.version
ON CONFLICT (agent_id) DO UPDATE SET domain = excluded.domain, category = excluded.category,
    agent_code = excluded.agent_code, test_code = excluded.test_code, spec_yaml = excluded.spec_yaml,
    metrics = excluded.metrics, is_gold_standard = excluded.is_gold_standard, created_at = excluded.created_at
WHERE (r.metrics, r.is_gold_standard, r.category) IS DISTINCT FROM
    (excluded.metrics, excluded.is_gold_standard, excluded.category)"""

# `usage_count`: how many specs say in their first line which template they were made from.
TEMPLATES = """
INSERT INTO agent_templates AS t (id, name, category, description, template_yaml, parameters, examples, usage_count,
    created_at, updated_at)
SELECT f.id, f.name, f.category, f.description, f.template_yaml, f.parameters, f.examples, coalesce(used.n, 0),
    f.created_at, f.created_at
FROM fresh_templates f
LEFT JOIN (
    SELECT substring(spec_yaml FROM '^# Made from the template (\\S+) ') AS name, count(*) AS n
    FROM agent_specs GROUP BY 1
) used ON used.name = f.name
ON CONFLICT (name) DO UPDATE SET category = excluded.category, description = excluded.description,
    template_yaml = excluded.template_yaml, parameters = excluded.parameters, examples = excluded.examples,
    usage_count = excluded.usage_count, created_at = excluded.created_at, updated_at = excluded.updated_at
WHERE t IS DISTINCT FROM excluded"""

TEMPLATES_GONE = """
DELETE FROM agent_templates t WHERE NOT EXISTS (SELECT FROM fresh_templates f WHERE f.name = t.name)"""
