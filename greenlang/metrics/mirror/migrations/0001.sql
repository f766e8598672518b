-- The mirror tables: document 000, section 6, with its names, columns and types. What differs, and why:
-- INDEX within CREATE TABLE is no PostgreSQL: CREATE INDEX beside it. idx_job_created names a column created_at that
-- generation_jobs does not have: it is on completed_at. Three columns may be NULL (agent_specs.spec_yaml,
-- agent_artifacts.agent_code and agent_code_hash): what is no longer kept is not made up. Tables that begin with mirror_
-- are the mirror's own book. Moments are UTC. Every row is given all its columns: no default is ever used.

CREATE TABLE agent_specs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id VARCHAR(255) NOT NULL UNIQUE,
    version VARCHAR(50) NOT NULL,
    name VARCHAR(255) NOT NULL,
    domain VARCHAR(100) NOT NULL,
    category VARCHAR(100),
    spec_yaml TEXT,
    spec_hash VARCHAR(64) NOT NULL,
    created_at TIMESTAMP DEFAULT NOW(),
    updated_at TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_agent_domain ON agent_specs (domain);
CREATE INDEX idx_agent_category ON agent_specs (category);

CREATE TABLE generation_jobs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    spec_id UUID REFERENCES agent_specs(id),
    status VARCHAR(50) NOT NULL,
    stage VARCHAR(100),
    progress INTEGER DEFAULT 0,
    started_at TIMESTAMP,
    completed_at TIMESTAMP,
    duration_seconds FLOAT,
    cost_usd DECIMAL(10, 4),
    refinement_attempts INTEGER DEFAULT 0,
    error_message TEXT,
    created_by VARCHAR(255)
);
CREATE INDEX idx_job_status ON generation_jobs (status);
CREATE INDEX idx_job_created ON generation_jobs (completed_at DESC);

CREATE TABLE agent_artifacts (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id UUID REFERENCES generation_jobs(id),
    agent_code TEXT,
    agent_code_hash VARCHAR(64),
    test_code TEXT,
    test_code_hash VARCHAR(64),
    documentation JSONB,
    deployment_pack TEXT,
    demo_scripts JSONB,
    provenance JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT NOW()
);

CREATE TABLE validation_results (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id UUID REFERENCES generation_jobs(id),
    dimension VARCHAR(100) NOT NULL,
    passed BOOLEAN NOT NULL,
    score INTEGER,
    errors JSONB,
    warnings JSONB,
    metadata JSONB,
    validated_at TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_validation_job ON validation_results (job_id);
CREATE INDEX idx_validation_dimension ON validation_results (dimension);

CREATE TABLE quality_metrics (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    artifact_id UUID REFERENCES agent_artifacts(id),
    test_coverage FLOAT,
    test_count INTEGER,
    latency_ms FLOAT,
    cost_per_call DECIMAL(10, 6),
    security_score INTEGER,
    determinism_verified BOOLEAN,
    code_complexity JSONB,
    measured_at TIMESTAMP DEFAULT NOW()
);

CREATE TABLE agent_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(255) NOT NULL UNIQUE,
    category VARCHAR(100) NOT NULL,
    description TEXT,
    template_yaml TEXT NOT NULL,
    parameters JSONB,
    examples JSONB,
    usage_count INTEGER DEFAULT 0,
    created_at TIMESTAMP DEFAULT NOW(),
    updated_at TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_template_category ON agent_templates (category);

CREATE TABLE reference_agents (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    agent_id VARCHAR(255) NOT NULL UNIQUE,
    domain VARCHAR(100) NOT NULL,
    category VARCHAR(100),
    agent_code TEXT NOT NULL,
    test_code TEXT,
    spec_yaml TEXT,
    metrics JSONB,
    is_gold_standard BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_reference_domain ON reference_agents (domain);

CREATE TABLE factory_metrics (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    metric_date DATE NOT NULL,
    total_generated INTEGER DEFAULT 0,
    successful INTEGER DEFAULT 0,
    failed INTEGER DEFAULT 0,
    avg_generation_time_seconds FLOAT,
    avg_refinements FLOAT,
    avg_cost_usd DECIMAL(10, 4),
    total_cost_usd DECIMAL(10, 2),
    llm_provider_stats JSONB,
    error_categories JSONB,
    created_at TIMESTAMP DEFAULT NOW(),
    UNIQUE(metric_date)
);

CREATE TABLE batch_jobs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    batch_id VARCHAR(255) NOT NULL UNIQUE,
    total_agents INTEGER NOT NULL,
    completed INTEGER DEFAULT 0,
    failed INTEGER DEFAULT 0,
    status VARCHAR(50) NOT NULL,
    job_ids JSONB NOT NULL,
    started_at TIMESTAMP,
    completed_at TIMESTAMP,
    created_by VARCHAR(255)
);
CREATE INDEX idx_batch_status ON batch_jobs (status);

CREATE TABLE llm_usage (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id UUID REFERENCES generation_jobs(id),
    provider VARCHAR(50) NOT NULL,
    model VARCHAR(100) NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    total_tokens INTEGER,
    cost_usd DECIMAL(10, 6),
    latency_ms FLOAT,
    temperature FLOAT,
    seed INTEGER,
    created_at TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_llm_job ON llm_usage (job_id);
CREATE INDEX idx_llm_provider ON llm_usage (provider);

CREATE TABLE provenance_chain (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    artifact_id UUID REFERENCES agent_artifacts(id),
    event_type VARCHAR(100) NOT NULL,
    event_data JSONB NOT NULL,
    hash VARCHAR(64) NOT NULL,
    previous_hash VARCHAR(64),
    timestamp TIMESTAMP DEFAULT NOW()
);
CREATE INDEX idx_provenance_artifact ON provenance_chain (artifact_id);
CREATE INDEX idx_provenance_timestamp ON provenance_chain (timestamp DESC);

CREATE VIEW v_generation_summary AS
SELECT
    gj.id,
    gj.status,
    gj.stage,
    gj.progress,
    gj.duration_seconds,
    gj.cost_usd,
    gj.refinement_attempts,
    asp.agent_id,
    asp.name,
    asp.domain,
    asp.category,
    qm.test_coverage,
    qm.security_score,
    qm.determinism_verified
FROM generation_jobs gj
JOIN agent_specs asp ON gj.spec_id = asp.id
LEFT JOIN agent_artifacts aa ON aa.job_id = gj.id
LEFT JOIN quality_metrics qm ON qm.artifact_id = aa.id;

CREATE VIEW v_daily_metrics AS
SELECT
    metric_date,
    total_generated,
    successful,
    failed,
    ROUND(successful::numeric / NULLIF(total_generated, 0) * 100, 2) as success_rate,
    avg_generation_time_seconds,
    avg_refinements,
    avg_cost_usd,
    total_cost_usd
FROM factory_metrics
ORDER BY metric_date DESC;

CREATE INDEX mirror_artifact_job ON agent_artifacts (job_id);
CREATE INDEX mirror_quality_artifact ON quality_metrics (artifact_id);
CREATE INDEX mirror_provenance_pack ON provenance_chain ((event_data ->> 'pack_digest'));
CREATE INDEX mirror_job_spec ON generation_jobs (spec_id);

CREATE TABLE mirror_source (
    one BOOLEAN PRIMARY KEY CHECK (one),
    tenant TEXT NOT NULL,
    step BIGINT NOT NULL
);

CREATE TABLE mirror_parts (
    source TEXT NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (source, part)
);

CREATE TABLE mirror_jobs (
    id UUID PRIMARY KEY,
    part TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    version TEXT NOT NULL,
    spec_digest TEXT NOT NULL,
    pack_digest TEXT NOT NULL,
    certificate_digest TEXT NOT NULL,
    written_at TIMESTAMP NOT NULL,
    texts TEXT NOT NULL CHECK (texts IN ('none', 'wanted', 'there'))
);
CREATE INDEX mirror_jobs_texts ON mirror_jobs (key) WHERE texts <> 'none';
CREATE INDEX mirror_jobs_key ON mirror_jobs (key, written_at, part);
CREATE INDEX mirror_jobs_run ON mirror_jobs (run_id);
CREATE INDEX mirror_jobs_day ON mirror_jobs (written_at);
CREATE INDEX mirror_jobs_pack ON mirror_jobs (pack_digest);

CREATE TABLE mirror_calls (
    id UUID PRIMARY KEY,
    key TEXT NOT NULL,
    call TEXT NOT NULL,
    cost_usd DECIMAL(18, 9) NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX mirror_calls_key ON mirror_calls (key);
CREATE INDEX mirror_calls_day ON mirror_calls (created_at);
