BEGIN TRANSACTION;
CREATE TABLE event (
  seq         INTEGER PRIMARY KEY,
  session     INTEGER,            -- null in the tombstone of a deleted session
  session_seq INTEGER NOT NULL,
  id          TEXT NOT NULL,
  time        INTEGER NOT NULL,
  type        TEXT NOT NULL,
  version     INTEGER NOT NULL,
  entity      INTEGER,            -- key of the message or part
  body        TEXT                -- null where the entity has it
);
INSERT INTO "event" VALUES(1,1,0,'evt_204ee8c06001ayxmuf3QKcvJ3F',1795379072006,'session.created',1,NULL,NULL);
INSERT INTO "event" VALUES(2,1,1,'evt_204ee8c06002c8IworiXP0ur8g',1795379072006,'message.updated',1,4194305,NULL);
INSERT INTO "event" VALUES(3,1,2,'evt_204ee8c060038GWO23uPYfxSCt',1795379072006,'message.part.updated',1,549755944961,NULL);
INSERT INTO "event" VALUES(5,1,4,'evt_204ee8c06005szf5xaTjKPxpau',1795379072006,'quarterdeck.turn.started',1,NULL,'{"sessionID":"ses_1","messageID":"msg_1","attempt":1}');
INSERT INTO "event" VALUES(6,1,5,'evt_204ee8c06006BnES3yvrjJRuYV',1795379072006,'message.updated',1,4194306,NULL);
INSERT INTO "event" VALUES(7,1,6,'evt_204ee8c060077DElZLIx5j8Ez2',1795379072006,'message.part.updated',1,549756076033,NULL);
INSERT INTO "event" VALUES(8,1,7,'evt_204ee8c06008J2g89TARtvTwBD',1795379072006,'quarterdeck.part.appended',1,549756076033,NULL);
INSERT INTO "event" VALUES(9,1,8,'evt_204ee8c06009I9kSlbGkG7GcbN',1795379072006,'message.part.updated',1,549756076034,NULL);
INSERT INTO "event" VALUES(10,1,9,'evt_204ee8c0600a7s15p3if7afSnA',1795379072006,'quarterdeck.tool.started',1,549756076034,'{"sessionID":"ses_1","messageID":"msg_2","partID":"prt_3","pid":4711}');
INSERT INTO "event" VALUES(11,1,10,'evt_204ee8c0600b8xNQDCrVyCJ0g1',1795379072006,'todo.updated',1,NULL,NULL);
INSERT INTO "event" VALUES(12,1,11,'evt_204ee8c0600cx6WWzv85SgT4i1',1795379072006,'permission.asked',1,1,NULL);
INSERT INTO "event" VALUES(14,1,13,'evt_204ee8c0600eLPUG2mluEV7jAa',1795379072006,'permission.replied',1,NULL,'{"sessionID":"ses_1","requestID":"per_2","reply":"once"}');
INSERT INTO "event" VALUES(16,1,15,'evt_204ee8c060107rluKaYTMhj7VU',1795379072006,'message.part.removed',1,NULL,'{"sessionID":"ses_1","messageID":"msg_1","partID":"prt_9"}');
INSERT INTO "event" VALUES(18,1,17,'evt_204ee8c06012c7C9ZmR1a7Mfm1',1795379072006,'message.removed',1,NULL,'{"sessionID":"ses_1","messageID":"msg_9"}');
INSERT INTO "event" VALUES(19,1,18,'evt_204ee8c06013Ml5PJ4vpNWIPib',1795379072006,'session.error',1,NULL,'{"sessionID":"ses_1","error":{"name":"UnknownError","data":{"message":"wrong"}}}');
INSERT INTO "event" VALUES(21,2,1,'evt_204ee8c13002iUEvmfHky3GlDi',1795379072019,'session.updated',1,NULL,NULL);
INSERT INTO "event" VALUES(22,2,2,'evt_204ee8c13003EzoyNyhH2NAxXC',1795379072019,'message.updated',1,8388609,NULL);
INSERT INTO "event" VALUES(24,2,4,'evt_204ee8c13005zYCVC982fhS5ay',1795379072019,'quarterdeck.turn.ended',1,NULL,'{"sessionID":"ses_2","messageID":"msg_1","reason":"completed"}');
INSERT INTO "event" VALUES(25,2,5,'evt_204ee8c13006O5nHJSJLwYsSFU',1795379072019,'message.updated',1,8388610,NULL);
INSERT INTO "event" VALUES(26,2,6,'evt_204ee8c13007uyv77qOwVJgPru',1795379072019,'quarterdeck.prompt.admitted',1,NULL,'{"sessionID":"ses_2","messageID":"msg_2"}');
INSERT INTO "event" VALUES(28,NULL,1,'evt_204ee8c14002bvj7PSkPzUkhnH',1795379072020,'session.deleted',1,NULL,'{"id":"ses_3","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"Title of ses_3","version":"0.1.0","time":{"created":1000,"updated":1000}}');
CREATE TABLE inbox (
  seq     INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session (key),
  message TEXT NOT NULL
);
INSERT INTO "inbox" VALUES(26,2,'msg_2');
CREATE TABLE message (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL,
  created INTEGER NOT NULL,
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- an assistant message that is not completed
  body    TEXT NOT NULL
);
INSERT INTO "message" VALUES(4194305,2,1,1000,'msg_1',0,'{"id":"msg_1","sessionID":"ses_1","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
INSERT INTO "message" VALUES(4194306,6,1,1001,'msg_2',1,'{"id":"msg_2","sessionID":"ses_1","role":"assistant","time":{"created":1001},"parentID":"msg_0","modelID":"fake","providerID":"fake","mode":"build","agent":"build","path":{"cwd":"/work","root":"/work"},"cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}}');
INSERT INTO "message" VALUES(8388609,22,2,1000,'msg_1',0,'{"id":"msg_1","sessionID":"ses_2","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
INSERT INTO "message" VALUES(8388610,25,2,1000,'msg_2',0,'{"id":"msg_2","sessionID":"ses_2","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
CREATE TABLE part (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  time    INTEGER NOT NULL,       -- of its newest event
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- a tool that has not ended, a text without end time
  started INTEGER,                -- seq of its ToolStarted
  body    TEXT NOT NULL
);
INSERT INTO "part" VALUES(549755944961,3,1,'prt_1',0,NULL,'{"id":"prt_1","sessionID":"ses_1","messageID":"msg_1","type":"text","text":"hello","time":{"start":1,"end":2}}');
INSERT INTO "part" VALUES(549756076033,7,2,'prt_2',1,NULL,'{"id":"prt_2","sessionID":"ses_1","messageID":"msg_2","type":"text","text":"","time":{"start":1}}');
INSERT INTO "part" VALUES(549756076034,9,3,'prt_3',1,10,'{"id":"prt_3","sessionID":"ses_1","messageID":"msg_2","type":"tool","callID":"call_1","tool":"bash","state":{"status":"running","input":{},"time":{"start":3}}}');
CREATE TABLE project (
  id      TEXT PRIMARY KEY,
  updated INTEGER NOT NULL,
  body    TEXT NOT NULL
);
CREATE TABLE request (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL REFERENCES session (key),
  id      TEXT NOT NULL UNIQUE,
  reply   TEXT,                   -- null while open
  body    TEXT NOT NULL
);
INSERT INTO "request" VALUES(1,12,1,'per_1',NULL,'{"id":"per_1","sessionID":"ses_1","permission":"bash","patterns":["ls"],"metadata":{},"always":[]}');
INSERT INTO "request" VALUES(2,14,1,'per_2','once','{"id":"per_2","sessionID":"ses_1","permission":"bash","patterns":["ls"],"metadata":{},"always":[]}');
CREATE TABLE session (
  key       INTEGER PRIMARY KEY,
  seq       INTEGER NOT NULL,
  id        TEXT NOT NULL UNIQUE,
  directory TEXT NOT NULL,
  project   TEXT NOT NULL,
  path      TEXT NOT NULL,
  parent    TEXT,
  title     TEXT NOT NULL,
  created   INTEGER NOT NULL,
  updated   INTEGER NOT NULL,
  archived  INTEGER,
  body      TEXT NOT NULL
);
INSERT INTO "session" VALUES(1,1,'ses_1','/work','project','',NULL,'Title of ses_1',1000,1000,NULL,'{"id":"ses_1","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"Title of ses_1","version":"0.1.0","time":{"created":1000,"updated":1000}}');
INSERT INTO "session" VALUES(2,21,'ses_2','/work','project','',NULL,'renamed',1000,1000,NULL,'{"id":"ses_2","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"renamed","version":"0.1.0","time":{"created":1000,"updated":1000}}');
CREATE TABLE tail (
  part INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (part, seq)
) WITHOUT ROWID;
INSERT INTO "tail" VALUES(549756076033,8,'streamed ');
CREATE TABLE todo (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  body    TEXT NOT NULL
);
INSERT INTO "todo" VALUES(1,11,'[{"content":"a","status":"pending","priority":"high"}]');
CREATE TABLE turn (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  message TEXT NOT NULL,
  reason  TEXT                    -- null while open
);
INSERT INTO "turn" VALUES(1,5,'msg_1',NULL);
INSERT INTO "turn" VALUES(2,24,'msg_1','completed');
CREATE TABLE used_key (
  key     TEXT PRIMARY KEY,
  seq     INTEGER NOT NULL UNIQUE,
  session INTEGER NOT NULL REFERENCES session (key),
  time    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX event_session ON event (session, session_seq);
CREATE INDEX session_by_directory ON session (directory, updated);
CREATE INDEX session_by_project ON session (project, updated);
CREATE INDEX session_by_update ON session (updated);
CREATE INDEX session_by_parent ON session (parent) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX message_by_id ON message (id, session);
CREATE INDEX message_by_time ON message (session, created, id);
CREATE INDEX message_open ON message (key) WHERE open;
CREATE INDEX part_by_id ON part (id);
CREATE INDEX part_open ON part (key) WHERE open;
CREATE INDEX request_open ON request (session) WHERE reply IS NULL;
CREATE INDEX request_by_session ON request (session);
CREATE INDEX turn_open ON turn (session) WHERE reason IS NULL;
CREATE INDEX inbox_by_session ON inbox (session, message);
CREATE INDEX used_key_by_time ON used_key (time);
CREATE INDEX used_key_by_session ON used_key (session);
COMMIT;
PRAGMA user_version=2;
