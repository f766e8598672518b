CREATE TABLE agent_versions (
	tenant VARCHAR(63) NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	spec_digest VARCHAR(64) NOT NULL,
	name VARCHAR NOT NULL,
	summary VARCHAR NOT NULL,
	domain VARCHAR(100) NOT NULL,
	tags JSON NOT NULL,
	regulations JSON NOT NULL,
	inputs JSON NOT NULL,
	outputs JSON NOT NULL,
	text VARCHAR NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(200) NOT NULL,
	PRIMARY KEY (tenant, agent_id, version)
)
;
CREATE TABLE api_keys (
	id VARCHAR(80) NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(200) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	roles JSON NOT NULL,
	scopes JSON NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(200) NOT NULL,
	expires_at DATETIME NOT NULL,
	revoked_at DATETIME,
	PRIMARY KEY (id)
)
;
CREATE TABLE audit_anchors (
	tenant VARCHAR(63) NOT NULL,
	number BIGINT NOT NULL,
	statement VARCHAR NOT NULL,
	signature VARCHAR NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	PRIMARY KEY (tenant, number)
)
;
CREATE TABLE audit_events (
	tenant VARCHAR(63) NOT NULL,
	number BIGINT NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	event VARCHAR(60) NOT NULL,
	subject VARCHAR(400) NOT NULL,
	detail VARCHAR NOT NULL,
	previous VARCHAR(64) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (tenant, number)
)
;
CREATE TABLE audit_heads (
	tenant VARCHAR(63) NOT NULL,
	number BIGINT NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (tenant)
)
;
CREATE TABLE batches (
	id VARCHAR(40) NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	total INTEGER NOT NULL,
	launcher VARCHAR(40) NOT NULL,
	run VARCHAR(100) NOT NULL,
	options JSON NOT NULL,
	created_at DATETIME NOT NULL,
	created_by VARCHAR(200) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (id, tenant)
)
;
CREATE TABLE environments (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(20) NOT NULL,
	least_state VARCHAR(20) NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE grants (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	kind VARCHAR(10) NOT NULL,
	pattern VARCHAR(200) NOT NULL,
	environment VARCHAR(20) NOT NULL,
	reason VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	until DATETIME,
	PRIMARY KEY (id)
)
;
CREATE TABLE idempotency_keys (
	tenant VARCHAR(63) NOT NULL,
	actor VARCHAR(200) NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	request VARCHAR(64) NOT NULL,
	status INTEGER,
	headers JSON NOT NULL,
	body VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (tenant, actor, "key")
)
;
CREATE TABLE instances (
	tenant VARCHAR(63) NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	instance VARCHAR(200) NOT NULL,
	endpoint VARCHAR NOT NULL,
	location VARCHAR(40) NOT NULL,
	health FLOAT NOT NULL,
	metrics JSON NOT NULL,
	seen_at DATETIME NOT NULL,
	PRIMARY KEY (tenant, agent_id, version, instance)
)
;
CREATE TABLE policies (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(40) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	text VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE quotas (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(40) NOT NULL,
	most BIGINT NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE templates (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(200) NOT NULL,
	category VARCHAR(100) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	text VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE tenants (
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR NOT NULL,
	residency VARCHAR(20) NOT NULL,
	created_at DATETIME NOT NULL,
	suspended_at DATETIME,
	PRIMARY KEY (tenant)
)
;
CREATE TABLE builds (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	pack_digest VARCHAR(64) NOT NULL,
	certificate_digest VARCHAR(64) NOT NULL,
	factor_release VARCHAR NOT NULL,
	pack VARCHAR NOT NULL,
	score FLOAT,
	coverage FLOAT,
	tests_passed INTEGER NOT NULL,
	tests_total INTEGER NOT NULL,
	judgement JSON NOT NULL,
	built_at DATETIME NOT NULL,
	published_by VARCHAR(200) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(tenant, agent_id, version) REFERENCES agent_versions (tenant, agent_id, version),
	UNIQUE (tenant, agent_id, version, pack_digest),
	UNIQUE (id, tenant)
)
;
CREATE TABLE capabilities (
	tenant VARCHAR(63) NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	capability VARCHAR(200) NOT NULL,
	PRIMARY KEY (tenant, agent_id, version, capability),
	FOREIGN KEY(tenant, agent_id, version) REFERENCES agent_versions (tenant, agent_id, version)
)
;
CREATE TABLE dependencies (
	tenant VARCHAR(63) NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	needs VARCHAR(200) NOT NULL,
	"constraint" VARCHAR NOT NULL,
	PRIMARY KEY (tenant, agent_id, version, needs),
	FOREIGN KEY(tenant, agent_id, version) REFERENCES agent_versions (tenant, agent_id, version)
)
;
CREATE TABLE jobs (
	id VARCHAR(40) NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	batch_id VARCHAR(40) NOT NULL,
	place INTEGER NOT NULL,
	"key" VARCHAR(400) NOT NULL,
	file VARCHAR(400) NOT NULL,
	spec_digest VARCHAR(64) NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(batch_id, tenant) REFERENCES batches (id, tenant)
)
;
CREATE TABLE approvals (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	step BIGINT NOT NULL,
	"after" VARCHAR(20) NOT NULL,
	approved BOOLEAN NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	comment VARCHAR NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE flags (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	kind VARCHAR(40) NOT NULL,
	ref VARCHAR(400) NOT NULL,
	"before" VARCHAR(64) NOT NULL,
	"after" VARCHAR(64) NOT NULL,
	release VARCHAR(100) NOT NULL,
	at DATETIME NOT NULL,
	until DATETIME,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE pins (
	build_id INTEGER NOT NULL,
	kind VARCHAR(40) NOT NULL,
	ref VARCHAR(400) NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (build_id, kind, ref),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE scans (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	content JSON NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE transitions (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	"before" VARCHAR(20) NOT NULL,
	"after" VARCHAR(20) NOT NULL,
	kind VARCHAR(20) NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	reason VARCHAR NOT NULL,
	policy VARCHAR(100) NOT NULL,
	successor VARCHAR(300) NOT NULL,
	statement VARCHAR NOT NULL,
	signature VARCHAR NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE usage_days (
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	day DATE NOT NULL,
	calls BIGINT NOT NULL,
	errors BIGINT NOT NULL,
	PRIMARY KEY (tenant, build_id, day),
	FOREIGN KEY(build_id) REFERENCES builds (id)
)
;
CREATE TABLE usage_users (
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	day DATE NOT NULL,
	user VARCHAR(64) NOT NULL,
	PRIMARY KEY (tenant, build_id, day, user),
	FOREIGN KEY(build_id) REFERENCES builds (id)
)
;
CREATE TABLE yanks (
	id INTEGER NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id INTEGER NOT NULL,
	yanked BOOLEAN NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(200) NOT NULL,
	reason VARCHAR NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE INDEX ix_agent_versions_domain ON agent_versions (domain)
;
CREATE INDEX ix_api_keys_tenant ON api_keys (tenant)
;
CREATE INDEX audit_events_by_time ON audit_events (tenant, at)
;
CREATE INDEX ix_batches_tenant ON batches (tenant)
;
CREATE INDEX environments_of_tenant ON environments (tenant, name, id)
;
CREATE INDEX grants_of_tenant ON grants (tenant, id)
;
CREATE INDEX instances_by_time ON instances (tenant, seen_at)
;
CREATE INDEX ix_policies_tenant ON policies (tenant)
;
CREATE INDEX quotas_of_tenant ON quotas (tenant, name, id)
;
CREATE INDEX templates_of_tenant ON templates (tenant, name, id)
;
CREATE INDEX builds_by_digest ON builds (pack_digest)
;
CREATE INDEX builds_of_version ON builds (tenant, agent_id, version, id)
;
CREATE INDEX ix_capabilities_capability ON capabilities (capability)
;
CREATE INDEX ix_jobs_batch_id ON jobs (batch_id)
;
CREATE INDEX ix_jobs_tenant ON jobs (tenant)
;
CREATE INDEX approvals_of_build ON approvals (build_id, "after", id)
;
CREATE INDEX flags_of_build ON flags (build_id)
;
CREATE UNIQUE INDEX flags_open ON flags (build_id, kind, ref) WHERE until IS NULL
;
CREATE INDEX pins_by_ref ON pins (ref)
;
CREATE INDEX ix_scans_build_id ON scans (build_id)
;
CREATE INDEX transitions_of_build ON transitions (build_id, id)
;
CREATE INDEX ix_yanks_build_id ON yanks (build_id)
;
CREATE VIEW build_states  AS
SELECT last.build_id, last.tenant, last.after AS state, last.at AS since,
  (SELECT max(r.id) FROM transitions r WHERE r.build_id = last.build_id AND r.kind = 'registered') AS registered,
  coalesce((SELECT y.yanked FROM yanks y WHERE y.build_id = last.build_id ORDER BY y.id DESC LIMIT 1), false) AS yanked,
  last.successor,
  (SELECT count(*) FROM flags f WHERE f.build_id = last.build_id AND f.until IS NULL) AS flags
FROM transitions last
WHERE last.id = (SELECT max(t.id) FROM transitions t WHERE t.build_id = last.build_id)
;
CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is only added to'); END
;
CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is only added to'); END
;
CREATE TRIGGER audit_anchors_update BEFORE UPDATE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit_anchors is only added to'); END
;
CREATE TRIGGER audit_anchors_delete BEFORE DELETE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit_anchors is only added to'); END
;
CREATE TRIGGER transitions_update BEFORE UPDATE ON transitions BEGIN SELECT RAISE(ABORT, 'transitions is only added to'); END
;
CREATE TRIGGER transitions_delete BEFORE DELETE ON transitions BEGIN SELECT RAISE(ABORT, 'transitions is only added to'); END
;
CREATE TRIGGER yanks_update BEFORE UPDATE ON yanks BEGIN SELECT RAISE(ABORT, 'yanks is only added to'); END
;
CREATE TRIGGER yanks_delete BEFORE DELETE ON yanks BEGIN SELECT RAISE(ABORT, 'yanks is only added to'); END
;
CREATE TRIGGER approvals_update BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is only added to'); END
;
CREATE TRIGGER approvals_delete BEFORE DELETE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is only added to'); END
;
CREATE TRIGGER pins_update BEFORE UPDATE ON pins BEGIN SELECT RAISE(ABORT, 'pins is only added to'); END
;
CREATE TRIGGER pins_delete BEFORE DELETE ON pins BEGIN SELECT RAISE(ABORT, 'pins is only added to'); END
;
CREATE TRIGGER policies_update BEFORE UPDATE ON policies BEGIN SELECT RAISE(ABORT, 'policies is only added to'); END
;
CREATE TRIGGER policies_delete BEFORE DELETE ON policies BEGIN SELECT RAISE(ABORT, 'policies is only added to'); END
;
CREATE TRIGGER scans_update BEFORE UPDATE ON scans BEGIN SELECT RAISE(ABORT, 'scans is only added to'); END
;
CREATE TRIGGER scans_delete BEFORE DELETE ON scans BEGIN SELECT RAISE(ABORT, 'scans is only added to'); END
