BEGIN TRANSACTION;
CREATE TABLE ledger_cascade (
	id VARCHAR NOT NULL,
	root VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	began_at DATETIME NOT NULL,
	ended_at DATETIME,
	aborted BOOLEAN NOT NULL,
	"plan" JSON NOT NULL,
	PRIMARY KEY (id)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_cascade" VALUES('core-1.2.11','core','1.2.11','2026-11-20 08:00:00.000000',NULL,0,'{"root": "core", "root_version": "1.2.11", "packages": [{"package": "core", "action": "release", "after": [], "current": null, "next": "1.2.11", "why": "the cascade begins with it", "suites": [], "pins": {}}, {"package": "store", "action": "release", "after": ["core"], "current": null, "next": null, "why": "pinned", "suites": [], "pins": {"core": "1.2.11"}}, {"package": "feed", "action": "test", "after": ["core"], "current": null, "next": null, "why": "admitted", "suites": [], "pins": {}}]}');
CREATE TABLE ledger_cascade_hold (
	"cascade" VARCHAR NOT NULL,
	package VARCHAR NOT NULL,
	why JSON NOT NULL,
	PRIMARY KEY ("cascade", package)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_cascade_hold" VALUES('core-1.2.11','store','"wait for Monday"');
CREATE TABLE ledger_cascade_package (
	"cascade" VARCHAR NOT NULL,
	package VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	progress JSON NOT NULL,
	PRIMARY KEY ("cascade", package)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_cascade_package" VALUES('core-1.2.11','core','planned','{"package": "core", "state": "planned", "reason": "", "since": "2026-11-20T08:00:00Z", "version": null, "held_by": null, "link": null, "proof": [], "pins": {}, "breaks": false, "accepted": false}');
INSERT INTO "ledger_cascade_package" VALUES('core-1.2.11','feed','planned','{"package": "feed", "state": "planned", "reason": "", "since": "2026-11-20T08:00:00Z", "version": null, "held_by": null, "link": null, "proof": [], "pins": {}, "breaks": false, "accepted": false}');
INSERT INTO "ledger_cascade_package" VALUES('core-1.2.11','store','planned','{"package": "store", "state": "planned", "reason": "", "since": "2026-11-20T08:00:00Z", "version": null, "held_by": null, "link": null, "proof": [], "pins": {}, "breaks": false, "accepted": false}');
CREATE TABLE ledger_cell (
	upstream VARCHAR NOT NULL,
	downstream VARCHAR NOT NULL,
	suite VARCHAR NOT NULL,
	python VARCHAR NOT NULL,
	point VARCHAR NOT NULL,
	upstream_version VARCHAR NOT NULL,
	downstream_version VARCHAR NOT NULL,
	verdict VARCHAR NOT NULL,
	at DATETIME NOT NULL, run VARCHAR,
	PRIMARY KEY (upstream, downstream, suite, python, point, upstream_version, downstream_version)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_cell" VALUES('core','pipeline','contracts','3.11','p=0','1.0','0.0','incompatible','2026-11-20 08:00:00.000000','f');
CREATE TABLE ledger_contract (
	package VARCHAR NOT NULL,
	sha VARCHAR NOT NULL,
	part VARCHAR NOT NULL,
	text JSON NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (package, sha)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_contract" VALUES('core','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','major','"removed\nand \u0000"','2026-11-20 08:00:00.000000');
CREATE TABLE ledger_delivery (
	guid VARCHAR NOT NULL,
	source VARCHAR NOT NULL,
	event VARCHAR NOT NULL,
	action VARCHAR,
	repository VARCHAR,
	at DATETIME NOT NULL,
	state VARCHAR NOT NULL,
	start JSON,
	why JSON NOT NULL,
	attempts INTEGER NOT NULL,
	due_at DATETIME,
	run VARCHAR,
	ended_at DATETIME,
	body BLOB,
	PRIMARY KEY (guid)
);
INSERT INTO "ledger_delivery" VALUES('00000000-0000-0000-0000-000000000001','github','push',NULL,'alice/core','2026-11-20 12:00:00.000000','accepted','{"deployment": "a/b", "parameters": {"request": {"upstream": "core", "pull": 3}}, "key": "a/b:core", "package": "core", "condition": "not released by a cascade"}','""',0,'2026-11-20 12:00:00.000000',NULL,NULL,X'789CAB56CA2BCD51B252508A29350002A55A002D6C04BB');
INSERT INTO "ledger_delivery" VALUES('00000000-0000-0000-0000-000000000002','github','push',NULL,'alice/core','2026-11-20 12:00:00.000000','ignored','{"deployment": "a/b", "parameters": {"request": {"upstream": "core", "pull": 3}}, "key": "a/b:core", "package": "core", "condition": "not released by a cascade"}','"of nobody"',0,NULL,NULL,'2026-11-20 08:00:00.000000',NULL);
CREATE TABLE ledger_dispatch (
	id VARCHAR NOT NULL,
	repository VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	record JSON NOT NULL,
	PRIMARY KEY (id, repository)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_dispatch" VALUES('market-data-core==1.2.11:core_release','mjdevaccount/market-data-store','sent','2026-11-20 12:00:00.000000','{"order": {"id": "market-data-core==1.2.11:core_release", "event": "core_release", "origin": "market-data-core", "version": "1.2.11", "target": "market-data-store", "repository": "mjdevaccount/market-data-store", "payload": {"version": "1.2.11", "origin": "market-data-core", "dispatch_id": "market-data-core==1.2.11:core_release"}}, "state": "sent", "at": "2026-11-20T12:00:00Z", "after": null, "receipt": null}');
CREATE TABLE ledger_release (
	package VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	began_at DATETIME NOT NULL,
	ended_at DATETIME,
	release JSON NOT NULL,
	PRIMARY KEY (package, version)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_release" VALUES('market-data-core','1.2.11','2026-11-20 12:00:00.000000','2026-11-20 12:01:00.000000','{"package": "market-data-core", "version": "1.2.11", "previous": "1.2.10", "repository": "mjdevaccount/market-data-core", "branch": "main", "tag": "v1.2.11", "commit": "cccccccccccccccccccccccccccccccccccccccc", "files": [{"name": "market_data_core-1.2.11-py3-none-any.whl", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "size": 12345}, {"name": "market_data_core-1.2.11.tar.gz", "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "size": 12345}], "page": "https://example.org/releases/v1.2.11", "dispatches": [{"order": {"id": "market-data-core==1.2.11:core_release", "event": "core_release", "origin": "market-data-core", "version": "1.2.11", "target": "market-data-store", "repository": "mjdevaccount/market-data-store", "payload": {"version": "1.2.11", "origin": "market-data-core", "dispatch_id": "market-data-core==1.2.11:core_release"}}, "state": "finished", "at": "2026-11-20T12:00:00Z", "after": null, "receipt": {"run": 7, "url": "https://example.org/runs/7", "workflow": "w.yml", "status": "completed", "conclusion": "success", "exact": true}}], "seconds": {"push": 1.5, "build": 0.25}, "resumed": false, "remarks": [], "cascade": null, "run": null, "began_at": "2026-11-20T12:00:00Z", "ended_at": "2026-11-20T12:01:00Z"}');
CREATE TABLE ledger_run (
	id INTEGER NOT NULL,
	fingerprint VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	reason JSON,
	tests JSON NOT NULL,
	seconds DOUBLE NOT NULL,
	lock JSON NOT NULL,
	reads JSON NOT NULL,
	log BLOB NOT NULL,
	started_at DATETIME NOT NULL,
	confirmed BOOLEAN NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "ledger_run" VALUES(1,'f','failed','"1 failed"','[{"id": "t.py::test_x", "outcome": "failed", "seconds": 0.25, "error": "NameError: x"}]',1.5,'["market-data-core==1.4.61"]','["market-data-core"]',X'789C4B546050C8CC53C82C2956C8C94F07001C33044B','2026-11-20 08:00:00.000000',1);
CREATE TABLE ledger_schema (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT ledger_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "ledger_schema" VALUES('0005');
CREATE TABLE ledger_version_reader (
	fingerprint VARCHAR NOT NULL,
	package VARCHAR NOT NULL,
	PRIMARY KEY (fingerprint, package)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_version_reader" VALUES('base','core');
INSERT INTO "ledger_version_reader" VALUES('base','store');
CREATE INDEX ledger_run_fingerprint ON ledger_run (fingerprint);
CREATE INDEX ledger_delivery_state ON ledger_delivery (state, due_at);
CREATE INDEX ledger_delivery_at ON ledger_delivery (at);
COMMIT;
