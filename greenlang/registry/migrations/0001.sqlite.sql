CREATE TABLE agent_versions (
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	spec_digest VARCHAR(64) NOT NULL,
	name VARCHAR NOT NULL,
	summary VARCHAR NOT NULL,
	domain VARCHAR(100) NOT NULL,
	tags JSON NOT NULL,
	inputs JSON NOT NULL,
	outputs JSON NOT NULL,
	text VARCHAR NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (agent_id, version)
)
;
CREATE TABLE schema_version (
	version INTEGER NOT NULL,
	PRIMARY KEY (version)
)
;
CREATE TABLE builds (
	id INTEGER NOT NULL,
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
	built_at DATETIME NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(agent_id, version) REFERENCES agent_versions (agent_id, version)
)
;
CREATE TABLE capabilities (
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	capability VARCHAR(200) NOT NULL,
	PRIMARY KEY (agent_id, version, capability),
	FOREIGN KEY(agent_id, version) REFERENCES agent_versions (agent_id, version)
)
;
CREATE TABLE transitions (
	id INTEGER NOT NULL,
	agent_id VARCHAR(200) NOT NULL,
	version VARCHAR(100) NOT NULL,
	"before" VARCHAR(20) NOT NULL,
	"after" VARCHAR(20) NOT NULL,
	at DATETIME NOT NULL,
	reason VARCHAR NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(agent_id, version) REFERENCES agent_versions (agent_id, version)
)
;
CREATE INDEX ix_agent_versions_domain ON agent_versions (domain)
;
CREATE INDEX builds_of_version ON builds (agent_id, version, id)
;
CREATE INDEX ix_capabilities_capability ON capabilities (capability)
;
CREATE INDEX transitions_of_version ON transitions (agent_id, version, id)
;
INSERT INTO schema_version (version) VALUES (1)
