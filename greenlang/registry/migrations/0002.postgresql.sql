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
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	created_by VARCHAR(200) NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	revoked_at TIMESTAMP WITH TIME ZONE,
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
	at TIMESTAMP WITH TIME ZONE NOT NULL,
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
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	created_by VARCHAR(200) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (id, tenant)
)
;
CREATE TABLE environments (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(20) NOT NULL,
	least_state VARCHAR(20) NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE grants (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	kind VARCHAR(10) NOT NULL,
	pattern VARCHAR(200) NOT NULL,
	environment VARCHAR(20) NOT NULL,
	reason VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	until TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (id)
)
;
CREATE TABLE idempotency_keys (
	tenant VARCHAR(63) NOT NULL,
	actor VARCHAR(200) NOT NULL,
	key VARCHAR(200) NOT NULL,
	request VARCHAR(64) NOT NULL,
	status INTEGER,
	headers JSON NOT NULL,
	body VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (tenant, actor, key)
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
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (tenant, agent_id, version, instance)
)
;
CREATE TABLE policies (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(40) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	text VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE quotas (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(40) NOT NULL,
	most BIGINT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE templates (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR(200) NOT NULL,
	category VARCHAR(100) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	text VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id)
)
;
CREATE TABLE tenants (
	tenant VARCHAR(63) NOT NULL,
	name VARCHAR NOT NULL,
	residency VARCHAR(20) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	suspended_at TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (tenant)
)
;
CREATE TABLE builds (
	id BIGSERIAL NOT NULL,
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
	built_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
	key VARCHAR(400) NOT NULL,
	file VARCHAR(400) NOT NULL,
	spec_digest VARCHAR(64) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(batch_id, tenant) REFERENCES batches (id, tenant)
)
;
CREATE TABLE approvals (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	step BIGINT NOT NULL,
	after VARCHAR(20) NOT NULL,
	approved BOOLEAN NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	comment VARCHAR NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE flags (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	kind VARCHAR(40) NOT NULL,
	ref VARCHAR(400) NOT NULL,
	before VARCHAR(64) NOT NULL,
	after VARCHAR(64) NOT NULL,
	release VARCHAR(100) NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	until TIMESTAMP WITH TIME ZONE,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE pins (
	build_id BIGINT NOT NULL,
	kind VARCHAR(40) NOT NULL,
	ref VARCHAR(400) NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (build_id, kind, ref),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE scans (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	content JSON NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor VARCHAR(200) NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(build_id, tenant) REFERENCES builds (id, tenant)
)
;
CREATE TABLE transitions (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	before VARCHAR(20) NOT NULL,
	after VARCHAR(20) NOT NULL,
	kind VARCHAR(20) NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
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
	build_id BIGINT NOT NULL,
	day DATE NOT NULL,
	calls BIGINT NOT NULL,
	errors BIGINT NOT NULL,
	PRIMARY KEY (tenant, build_id, day),
	FOREIGN KEY(build_id) REFERENCES builds (id)
)
;
CREATE TABLE usage_users (
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	day DATE NOT NULL,
	"user" VARCHAR(64) NOT NULL,
	PRIMARY KEY (tenant, build_id, day, "user"),
	FOREIGN KEY(build_id) REFERENCES builds (id)
)
;
CREATE TABLE yanks (
	id BIGSERIAL NOT NULL,
	tenant VARCHAR(63) NOT NULL,
	build_id BIGINT NOT NULL,
	yanked BOOLEAN NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
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
CREATE INDEX approvals_of_build ON approvals (build_id, after, id)
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
CREATE VIEW build_states WITH (security_invoker = true) AS
SELECT last.build_id, last.tenant, last.after AS state, last.at AS since,
  (SELECT max(r.id) FROM transitions r WHERE r.build_id = last.build_id AND r.kind = 'registered') AS registered,
  coalesce((SELECT y.yanked FROM yanks y WHERE y.build_id = last.build_id ORDER BY y.id DESC LIMIT 1), false) AS yanked,
  last.successor,
  (SELECT count(*) FROM flags f WHERE f.build_id = last.build_id AND f.until IS NULL) AS flags
FROM transitions last
WHERE last.id = (SELECT max(t.id) FROM transitions t WHERE t.build_id = last.build_id)
;
ALTER TABLE agent_versions ENABLE ROW LEVEL SECURITY
;
ALTER TABLE agent_versions FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON agent_versions FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON agent_versions FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON agent_versions FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON agent_versions FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY
;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON api_keys FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON api_keys FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON api_keys FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON api_keys FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE approvals ENABLE ROW LEVEL SECURITY
;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON approvals FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON approvals FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON approvals FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON approvals FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE audit_anchors ENABLE ROW LEVEL SECURITY
;
ALTER TABLE audit_anchors FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON audit_anchors FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON audit_anchors FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON audit_anchors FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON audit_anchors FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY
;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON audit_events FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON audit_events FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON audit_events FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON audit_events FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY
;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON audit_heads FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON audit_heads FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON audit_heads FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON audit_heads FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE batches ENABLE ROW LEVEL SECURITY
;
ALTER TABLE batches FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON batches FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON batches FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON batches FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON batches FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE builds ENABLE ROW LEVEL SECURITY
;
ALTER TABLE builds FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON builds FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON builds FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON builds FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON builds FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE capabilities ENABLE ROW LEVEL SECURITY
;
ALTER TABLE capabilities FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON capabilities FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON capabilities FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON capabilities FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON capabilities FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE dependencies ENABLE ROW LEVEL SECURITY
;
ALTER TABLE dependencies FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON dependencies FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON dependencies FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON dependencies FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON dependencies FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE environments ENABLE ROW LEVEL SECURITY
;
ALTER TABLE environments FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON environments FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON environments FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON environments FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON environments FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE flags ENABLE ROW LEVEL SECURITY
;
ALTER TABLE flags FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON flags FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON flags FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON flags FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON flags FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE grants ENABLE ROW LEVEL SECURITY
;
ALTER TABLE grants FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON grants FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON grants FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON grants FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON grants FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY
;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON idempotency_keys FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON idempotency_keys FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON idempotency_keys FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON idempotency_keys FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE instances ENABLE ROW LEVEL SECURITY
;
ALTER TABLE instances FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON instances FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON instances FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON instances FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON instances FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY
;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON jobs FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON jobs FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON jobs FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON jobs FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE pins ENABLE ROW LEVEL SECURITY
;
ALTER TABLE pins FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON pins FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON pins FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON pins FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON pins FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE policies ENABLE ROW LEVEL SECURITY
;
ALTER TABLE policies FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON policies FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON policies FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON policies FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON policies FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE quotas ENABLE ROW LEVEL SECURITY
;
ALTER TABLE quotas FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON quotas FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON quotas FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON quotas FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON quotas FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE scans ENABLE ROW LEVEL SECURITY
;
ALTER TABLE scans FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON scans FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON scans FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON scans FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON scans FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE templates ENABLE ROW LEVEL SECURITY
;
ALTER TABLE templates FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON templates FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON templates FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON templates FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON templates FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY
;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON tenants FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public' OR (SELECT nullif(current_setting('greenlang.tenant', true), '')) = 'default')
;
CREATE POLICY add_rows ON tenants FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON tenants FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON tenants FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE transitions ENABLE ROW LEVEL SECURITY
;
ALTER TABLE transitions FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON transitions FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON transitions FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON transitions FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON transitions FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE usage_days ENABLE ROW LEVEL SECURITY
;
ALTER TABLE usage_days FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON usage_days FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON usage_days FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON usage_days FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON usage_days FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE usage_users ENABLE ROW LEVEL SECURITY
;
ALTER TABLE usage_users FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON usage_users FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY add_rows ON usage_users FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON usage_users FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON usage_users FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
ALTER TABLE yanks ENABLE ROW LEVEL SECURITY
;
ALTER TABLE yanks FORCE ROW LEVEL SECURITY
;
CREATE POLICY read_rows ON yanks FOR SELECT USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')) OR tenant = 'public')
;
CREATE POLICY add_rows ON yanks FOR INSERT WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY change_rows ON yanks FOR UPDATE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), ''))) WITH CHECK (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
;
CREATE POLICY remove_rows ON yanks FOR DELETE USING (tenant = (SELECT nullif(current_setting('greenlang.tenant', true), '')))
