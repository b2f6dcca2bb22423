BEGIN TRANSACTION;
CREATE TABLE approvals (
	id VARCHAR(64) NOT NULL, 
	incident_id VARCHAR(64), 
	plan_id VARCHAR(64) NOT NULL, 
	ordinal INTEGER NOT NULL, 
	step JSON NOT NULL, 
	binding VARCHAR(128) NOT NULL, 
	proposer VARCHAR(64) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	decided_by VARCHAR(64), 
	decided_at DATETIME, 
	salt VARCHAR(64), 
	CONSTRAINT pk_approvals PRIMARY KEY (id)
);
INSERT INTO "approvals" VALUES('ecd3d3e0a5729ff1','i2','p2',0,'{"action": {"name": "start", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "goal": {"kind": "healthy", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "gate": null, "undo": null, "timeout_s": 30.0, "why": ""}','binding','agent','2026-05-01 12:01:03.123456','2026-05-01 13:01:03.123456','pending',NULL,NULL,'316d9739fd0252b1d372db81c54f30a0');
INSERT INTO "approvals" VALUES('5207396bdf3be99f','i2','p2',0,'{"action": {"name": "start", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "goal": {"kind": "healthy", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "gate": null, "undo": null, "timeout_s": 30.0, "why": ""}','binding','agent','2026-05-01 12:01:03.123456','2026-05-01 13:01:03.123456','used','alice','2026-05-01 12:01:03.123456','84c8c411d74bf6f2787b81cd06345f55');
CREATE TABLE deploys (
	id VARCHAR(64) NOT NULL, 
	unit VARCHAR(255) NOT NULL, 
	began_at DATETIME NOT NULL, 
	until DATETIME NOT NULL, 
	why TEXT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	release_before VARCHAR(64), 
	ended_at DATETIME, 
	ended_by VARCHAR(64), 
	result VARCHAR(16), 
	salt VARCHAR(64), 
	CONSTRAINT pk_deploys PRIMARY KEY (id)
);
CREATE TABLE events (
	id VARCHAR(64) NOT NULL, 
	incident_id VARCHAR(64), 
	at DATETIME NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	data JSON NOT NULL, 
	"by" VARCHAR(64), 
	salt VARCHAR(64), 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES('18ec5d37b8d36361ea1877f4','i1','2026-05-01 12:00:03.123456','acted','start of api','{"a": 1}',NULL,'e34fa8dea4b3a9b6eb63a3dbf6be4163');
INSERT INTO "events" VALUES('18ec5d37ba67859c11d31c9c',NULL,'2026-05-01 12:01:03.123456','note','a line','{}',NULL,'4046488b7f87f568be611ddfa863d17f');
CREATE TABLE holds (
	id VARCHAR(64) NOT NULL, 
	unit VARCHAR(255) NOT NULL, 
	at DATETIME NOT NULL, 
	until DATETIME, 
	why TEXT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	released_at DATETIME, 
	released_by VARCHAR(64), 
	salt VARCHAR(64), 
	CONSTRAINT pk_holds PRIMARY KEY (id)
);
INSERT INTO "holds" VALUES('54c3843b','circus:store@web1.example.com','2026-05-01 12:01:03.123456',NULL,'migration','bob',NULL,NULL,'fd133eda06fc1f0b1ec269e8e7206f75');
CREATE TABLE incidents (
	id VARCHAR(64) NOT NULL, 
	unit VARCHAR(255) NOT NULL, 
	fault VARCHAR(32) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	opened_at DATETIME NOT NULL, 
	began_at DATETIME NOT NULL, 
	resolved_at DATETIME, 
	summary TEXT NOT NULL, 
	affected JSON NOT NULL, 
	symptoms JSON NOT NULL, 
	evidence JSON NOT NULL, 
	hypotheses JSON NOT NULL, 
	outcome TEXT, 
	remedy VARCHAR(128), 
	remedy_source VARCHAR(16), 
	attempts INTEGER, 
	probes INTEGER, 
	mttd_s FLOAT, 
	mttr_s FLOAT, 
	salt VARCHAR(64), 
	CONSTRAINT pk_incidents PRIMARY KEY (id)
);
INSERT INTO "incidents" VALUES('i1','circus:api@web1.example.com','crash','resolved','2026-05-01 12:00:00.123456','2026-05-01 11:59:59.123456','2026-05-01 12:00:03.123456','api died','[{"supervisor": "circus", "name": "store", "host": "web1.example.com"}]','[{"kind": "death", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "at": "2026-05-01T12:00:00.123456Z", "evidence": "kernel", "process": null, "data": {"exit_code": 1}, "text": null}]','[]','[]','repaired','crash/start','runbook',1,3,1.0,4.5,'3730691453cde02049cfabb4615362b2');
INSERT INTO "incidents" VALUES('i2','circus:store@web1.example.com','crash','open','2026-05-01 12:01:03.123456','2026-05-01 12:01:02.123456',NULL,'store hangs','[{"supervisor": "circus", "name": "store", "host": "web1.example.com"}]','[{"kind": "death", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "at": "2026-05-01T12:01:03.123456Z", "evidence": "kernel", "process": null, "data": {"exit_code": 1}, "text": null}]','[]','[]',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'e287a03767768f1a8454ab63a00311bb');
CREATE TABLE ledger (
	seq INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	about VARCHAR(32) NOT NULL, 
	"row" VARCHAR(64) NOT NULL, 
	commitment VARCHAR(64) NOT NULL, 
	link VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_ledger PRIMARY KEY (seq)
);
INSERT INTO "ledger" VALUES(1,'2026-05-01 12:00:00.123456','incidents','i1','2ad654280ac160a973f099a50c2c2ea14b27c65354b603f8ae409c0209398956','83389640114ff3609528c57159d316cbfc6e2d2118f04a18bd395e3cfd226137');
INSERT INTO "ledger" VALUES(2,'2026-05-01 12:00:01.123456','plans','p1','7857ca120a677fe4c829e5b24c4496afd6659168ee2038a491b93ec24f69f751','317bbc61d8171fd74865b7ace8c33d0f0a0d5fa315d9cac144afb5cb87796577');
INSERT INTO "ledger" VALUES(3,'2026-05-01 12:00:01.123456','steps','35cd618b147a9dbe','70f6aec8d8a06cecdfc024d23e2513ef260fe4e28165aedc325e092645b8ab18','4747c17b702cd7b50ba0eb15d50ad699f4cc5ce037f0a359fabe17d098ed5c60');
INSERT INTO "ledger" VALUES(4,'2026-05-01 12:00:03.123456','steps','35cd618b147a9dbe','4d3ca405b6a24a868bb339f733bd473807ac04e4359c519d9a8f4f7301410ecf','05b1d9393751c7b614577fc7b4b0c13f27d19b1fb981a89e78cb1b894c15afc9');
INSERT INTO "ledger" VALUES(5,'2026-05-01 12:00:03.123456','plans','p1','d11b6e711b24f0398ed0abb93fd699eae1f71fe9153647a76284cc7b13e0383d','d0e1453bd4d5633b0eb1e2ff74265ae46d54ca9233d32de0d414fbc0f3eaeb8a');
INSERT INTO "ledger" VALUES(6,'2026-05-01 12:00:03.123456','events','18ec5d37b8d36361ea1877f4','7d24b6988014697ece2b50f8a1c5bd7761bd732fe9a6f0515f5a9f8df55d70ba','68f073ab1cdbd96808b52958dcfc1b60da209d6ef757ce9dcd67864e5957d78d');
INSERT INTO "ledger" VALUES(7,'2026-05-01 12:00:03.123456','incidents','i1','4ca6b76e50f250e67adff925624ede2e1d9035100c5458b15d7c0102bb1d789f','7e39586d046996a45cd7dce61a4039007caae7efbbdcf36bfe489da91dbe336b');
INSERT INTO "ledger" VALUES(8,'2026-05-01 12:01:03.123456','incidents','i2','4e6dbeabf3ab20cab0971044678604634a5ae92a141cd75f03a4c218efe41ce6','049c523e02c40f1573cb684a93a734d8f778fb23fa4876df999b5b50a57de4c0');
INSERT INTO "ledger" VALUES(9,'2026-05-01 12:01:03.123456','plans','p2','b3a70ff18de677d916cd8dab7ccee4b950688a4d919e9c3c90ff3398524221a9','694474a9564e76698ec7b17574c6dfa9c587d56cf6a4ab296b9fd81b5f818fa4');
INSERT INTO "ledger" VALUES(10,'2026-05-01 12:01:03.123456','approvals','ecd3d3e0a5729ff1','7955d5519f750e0781d232d290af00be3ef9e862e03e22090115112d4f2b6d24','7215b3c72df0a282321285a16118a2ebab40b455af022d2a5af2d5627c6b7167');
INSERT INTO "ledger" VALUES(11,'2026-05-01 12:01:03.123456','approvals','5207396bdf3be99f','e7fb89e3d75effe989c9060516432a2183e72e6e51995707534e58052d03b98b','0359f168b986ba636c129ed045a5fc5beb95c900a62acbdfc952fbae950f80dd');
INSERT INTO "ledger" VALUES(12,'2026-05-01 12:01:03.123456','approvals','5207396bdf3be99f','ca9dc7d5f2311a7549aa18ee5e34237acd2604ad99a30055ed588c0f1e0a60ae','52bd4ab11b9af5eedd3f720da62a411475b4fa94fc75c513672fe5124e92aee6');
INSERT INTO "ledger" VALUES(13,'2026-05-01 12:01:03.123456','approvals','5207396bdf3be99f','39f78daa5662a53b0963e3ec23eaeb89fa28ad194e153b72064d49f1a30a25cd','b21698775a70b8e6c5652eb086a369789316193c85e34f30d465787c5aeed1f2');
INSERT INTO "ledger" VALUES(14,'2026-05-01 12:01:03.123456','holds','54c3843b','1d0ba4226dc14c41a1c62100694f2262e15eda3e4ac000a2349a832caba20ead','f27640e490c1e2927d2ed9554c8419bf56f62d850fdc7999f9a097a46dfd7f5f');
INSERT INTO "ledger" VALUES(15,'2026-05-01 12:01:03.123456','events','18ec5d37ba67859c11d31c9c','90e9ca3799c100945199184674be778b1a9f48fb412320671226a03d6e6e5fce','7c11a6ad09f4b09253493ddf8cc0a0f2073db370093f4c25fdb236979855144e');
CREATE TABLE opsagent_schema (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "opsagent_schema" VALUES('0002');
CREATE TABLE plans (
	id VARCHAR(64) NOT NULL, 
	incident_id VARCHAR(64), 
	unit VARCHAR(255) NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	remedy VARCHAR(128) NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	"plan" JSON NOT NULL, 
	masked BOOLEAN NOT NULL, 
	hypotheses JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	detail TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	salt VARCHAR(64), 
	CONSTRAINT pk_plans PRIMARY KEY (id)
);
INSERT INTO "plans" VALUES('p1','i1','circus:api@web1.example.com','agent','crash/start','runbook','{"id": "p1", "origin": "agent", "remedy": "crash/start", "source": "runbook", "steps": [{"action": {"name": "start", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "args": {}}, "goal": {"kind": "healthy", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "args": {}}, "gate": null, "undo": null, "timeout_s": 30.0, "why": ""}], "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "incident": "i1", "attempt": 1, "why": "it died", "verify_s": 5.0}',0,'[{"cause": "it was killed", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "weight": 0.9, "kind": "unknown", "speaks_for": [], "speaks_against": []}]','done','well again','2026-05-01 12:00:01.123456','2026-05-01 12:00:03.123456','d65395b22a80368c38a465ac431144fc');
INSERT INTO "plans" VALUES('p2','i2','circus:store@web1.example.com','agent','crash/start','runbook','{"id": "p2", "origin": "agent", "remedy": "crash/start", "source": "runbook", "steps": [{"action": {"name": "start", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "goal": {"kind": "healthy", "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "args": {}}, "gate": null, "undo": null, "timeout_s": 30.0, "why": ""}], "unit": {"supervisor": "circus", "name": "store", "host": "web1.example.com"}, "incident": "i2", "attempt": 1, "why": "it died", "verify_s": 5.0}',0,'[]','proposed','','2026-05-01 12:01:03.123456',NULL,'3a4abbe5c726c25ac30b298410c5d6ce');
CREATE TABLE releases (
	id VARCHAR(64) NOT NULL, 
	unit VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	label TEXT NOT NULL, 
	branch TEXT, 
	"commit" VARCHAR(64), 
	manifest VARCHAR(64) NOT NULL, 
	noted_at DATETIME NOT NULL, 
	good_at DATETIME NOT NULL, 
	salt VARCHAR(64), 
	CONSTRAINT pk_releases PRIMARY KEY (id)
);
CREATE TABLE service_notes (
	id VARCHAR(64) NOT NULL, 
	unit VARCHAR(255) NOT NULL, 
	at DATETIME NOT NULL, 
	text TEXT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	salt VARCHAR(64), 
	CONSTRAINT pk_service_notes PRIMARY KEY (id)
);
CREATE TABLE settings (
	id VARCHAR(64) NOT NULL, 
	value JSON, 
	at DATETIME NOT NULL, 
	salt VARCHAR(64), 
	CONSTRAINT pk_settings PRIMARY KEY (id)
);
CREATE TABLE steps (
	id VARCHAR(64) NOT NULL, 
	plan_id VARCHAR(64) NOT NULL, 
	incident_id VARCHAR(64), 
	unit VARCHAR(255) NOT NULL, 
	ordinal INTEGER NOT NULL, 
	step JSON NOT NULL, 
	masked BOOLEAN NOT NULL, 
	state_before JSON NOT NULL, 
	rule VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	intended_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	detail TEXT NOT NULL, 
	salt VARCHAR(64), 
	CONSTRAINT pk_steps PRIMARY KEY (id)
);
INSERT INTO "steps" VALUES('35cd618b147a9dbe','p1','i1','circus:api@web1.example.com',0,'{"action": {"name": "start", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "args": {}}, "goal": {"kind": "healthy", "unit": {"supervisor": "circus", "name": "api", "host": "web1.example.com"}, "args": {}}, "gate": null, "undo": null, "timeout_s": 30.0, "why": ""}',0,'{"pid": 42}','mode','done','2026-05-01 12:00:01.123456','2026-05-01 12:00:03.123456','','54262ef02d51149edc4a6ec97e04a5f1');
CREATE INDEX ix_incidents_unit ON incidents (unit);
CREATE INDEX ix_incidents_opened_at ON incidents (opened_at);
CREATE INDEX ix_incidents_status ON incidents (status);
CREATE INDEX ix_plans_unit_ended_at ON plans (unit, ended_at);
CREATE INDEX ix_plans_unit ON plans (unit);
CREATE INDEX ix_plans_incident_id ON plans (incident_id);
CREATE INDEX ix_steps_incident_id ON steps (incident_id);
CREATE INDEX ix_steps_intended_at ON steps (intended_at);
CREATE INDEX ix_steps_status ON steps (status);
CREATE INDEX ix_steps_plan_id ON steps (plan_id);
CREATE INDEX ix_events_at ON events (at);
CREATE INDEX ix_events_incident_id ON events (incident_id);
CREATE INDEX ix_approvals_status ON approvals (status);
CREATE INDEX ix_approvals_plan_id ON approvals (plan_id);
CREATE INDEX ix_holds_unit ON holds (unit);
CREATE INDEX ix_service_notes_unit ON service_notes (unit);
CREATE INDEX ix_releases_unit ON releases (unit);
CREATE INDEX ix_deploys_unit ON deploys (unit);
CREATE INDEX ix_ledger_at ON ledger (at);
CREATE INDEX ix_ledger_about_row ON ledger (about, "row");
COMMIT;
