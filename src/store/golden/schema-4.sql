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
INSERT INTO event VALUES(1,1,0,'evt_2060b16ac001NFHZcA2vnIBr5r',1795397719724,'session.created',1,NULL,NULL);
INSERT INTO event VALUES(2,1,1,'evt_2060b16ac002XaJzkDwLDsihRu',1795397719724,'message.updated',1,4194305,NULL);
INSERT INTO event VALUES(3,1,2,'evt_2060b16ac003lNU9WUQ4NQ11FY',1795397719724,'message.part.updated',1,549755944961,NULL);
INSERT INTO event VALUES(5,1,4,'evt_2060b16ac005ICjYqnGZBukKJV',1795397719724,'quarterdeck.turn.started',1,NULL,'{"sessionID":"ses_1","messageID":"msg_1","attempt":1}');
INSERT INTO event VALUES(6,1,5,'evt_2060b16ac006AJf8DVIzatsCZZ',1795397719724,'message.updated',1,4194306,NULL);
INSERT INTO event VALUES(7,1,6,'evt_2060b16ac0071AdMhmpOnsY0oQ',1795397719724,'message.part.updated',1,549756076033,NULL);
INSERT INTO event VALUES(8,1,7,'evt_2060b16ac008e48JqJhwMSVKoN',1795397719724,'quarterdeck.part.appended',1,549756076033,NULL);
INSERT INTO event VALUES(9,1,8,'evt_2060b16ac009ARe4pJnZCVeQIm',1795397719724,'message.part.updated',1,549756076034,NULL);
INSERT INTO event VALUES(10,1,9,'evt_2060b16ac00aFssRxke17YTH4h',1795397719724,'quarterdeck.tool.started',1,549756076034,'{"sessionID":"ses_1","messageID":"msg_2","partID":"prt_3","pid":4711}');
INSERT INTO event VALUES(11,1,10,'evt_2060b16ac00baHreKliO0nwdpD',1795397719724,'todo.updated',1,NULL,NULL);
INSERT INTO event VALUES(12,1,11,'evt_2060b16ac00cZm96Z7M5cXEGos',1795397719724,'permission.asked',1,1,NULL);
INSERT INTO event VALUES(14,1,13,'evt_2060b16ac00ekLJ51hqgZ81NVx',1795397719724,'permission.replied',1,NULL,'{"sessionID":"ses_1","requestID":"per_2","reply":"once"}');
INSERT INTO event VALUES(15,1,14,'evt_2060b16ac00fjbk01dLy2da2Ts',1795397719724,'question.asked',1,1,NULL);
INSERT INTO event VALUES(17,1,16,'evt_2060b16ac011rqSM9ItEIt5OxU',1795397719724,'question.replied',1,NULL,'{"sessionID":"ses_1","requestID":"que_2","answers":[["A"]]}');
INSERT INTO event VALUES(19,1,18,'evt_2060b16ac013uy3bPAKNVXo3Sw',1795397719724,'question.rejected',1,NULL,'{"sessionID":"ses_1","requestID":"que_3"}');
INSERT INTO event VALUES(20,1,19,'evt_2060b16ac014w7JPLknvccv36l',1795397719724,'quarterdeck.rules.saved',1,NULL,'{"sessionID":"ses_1","rules":[{"id":"rule_1","permission":"bash","pattern":"git *"}]}');
INSERT INTO event VALUES(22,1,21,'evt_2060b16ac016sLEDMOa8DlCFKX',1795397719724,'quarterdeck.record.put',1,NULL,NULL);
INSERT INTO event VALUES(24,1,23,'evt_2060b16ac018mNbkSuSHhC8F61',1795397719724,'quarterdeck.record.put',1,NULL,'{"sessionID":"ses_1","kind":"ref","key":"a:2","open":false}');
INSERT INTO event VALUES(26,1,25,'evt_2060b16ac01atyjrRGdaxU56Tf',1795397719724,'message.part.removed',1,NULL,'{"sessionID":"ses_1","messageID":"msg_1","partID":"prt_9"}');
INSERT INTO event VALUES(28,1,27,'evt_2060b16ac01cwkrbHbNM9Cqm3K',1795397719724,'message.removed',1,NULL,'{"sessionID":"ses_1","messageID":"msg_9"}');
INSERT INTO event VALUES(29,1,28,'evt_2060b16ac01dnQWPUxnmqXwPwk',1795397719724,'session.error',1,NULL,'{"sessionID":"ses_1","error":{"name":"UnknownError","data":{"message":"wrong"}}}');
INSERT INTO event VALUES(31,2,1,'evt_2060b16b4002CQ9F5yM6UDksSq',1795397719732,'session.updated',1,NULL,NULL);
INSERT INTO event VALUES(32,2,2,'evt_2060b16b4003VCewlsDSyIERMu',1795397719732,'message.updated',1,8388609,NULL);
INSERT INTO event VALUES(34,2,4,'evt_2060b16b40058TCfgPChV9aaeo',1795397719732,'quarterdeck.turn.ended',1,NULL,'{"sessionID":"ses_2","messageID":"msg_1","reason":"completed"}');
INSERT INTO event VALUES(35,2,5,'evt_2060b16b4006mUKNT5r6OOwTfS',1795397719732,'message.updated',1,8388610,NULL);
INSERT INTO event VALUES(36,2,6,'evt_2060b16b4007HR2Ba6ohM4prDq',1795397719732,'quarterdeck.prompt.admitted',1,NULL,'{"sessionID":"ses_2","messageID":"msg_2"}');
INSERT INTO event VALUES(38,NULL,1,'evt_2060b16b7002BYrMamjdN1GM3F',1795397719735,'session.deleted',1,NULL,'{"id":"ses_3","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"Title of ses_3","version":"0.1.0","time":{"created":1000,"updated":1000}}');
INSERT INTO event VALUES(39,3,0,'evt_2060b16bc001uCHT6fFsOtHyJe',1795397719740,'session.created',1,NULL,NULL);
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
, background INTEGER NOT NULL DEFAULT 0);
INSERT INTO session VALUES(1,1,'ses_1','/work','project','',NULL,'Title of ses_1',1000,1000,NULL,'{"id":"ses_1","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"Title of ses_1","version":"0.1.0","time":{"created":1000,"updated":1000}}',0);
INSERT INTO session VALUES(2,31,'ses_2','/work','project','',NULL,'renamed',1000,1000,NULL,'{"id":"ses_2","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"renamed","version":"0.1.0","time":{"created":1000,"updated":1000}}',0);
INSERT INTO session VALUES(3,39,'ses_4','/work','project','',NULL,'Title of ses_4',1000,1000,NULL,'{"id":"ses_4","slug":"calm-tiger","projectID":"project","directory":"/work","path":"","cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}},"title":"Title of ses_4","version":"0.1.0","time":{"created":1000,"updated":1000},"metadata":{"quarterdeck":{"background":{"parent":"ses_1","prompt":"msg_1","description":"d"}}}}',1);
CREATE TABLE message (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL,
  created INTEGER NOT NULL,
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- an assistant message that is not completed
  body    TEXT NOT NULL
);
INSERT INTO message VALUES(4194305,2,1,1000,'msg_1',0,'{"id":"msg_1","sessionID":"ses_1","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
INSERT INTO message VALUES(4194306,6,1,1001,'msg_2',1,'{"id":"msg_2","sessionID":"ses_1","role":"assistant","time":{"created":1001},"parentID":"msg_0","modelID":"fake","providerID":"fake","mode":"build","agent":"build","path":{"cwd":"/work","root":"/work"},"cost":0,"tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}}');
INSERT INTO message VALUES(8388609,32,2,1000,'msg_1',0,'{"id":"msg_1","sessionID":"ses_2","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
INSERT INTO message VALUES(8388610,35,2,1000,'msg_2',0,'{"id":"msg_2","sessionID":"ses_2","role":"user","time":{"created":1000},"agent":"build","model":{"providerID":"fake","modelID":"fake"}}');
CREATE TABLE part (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  time    INTEGER NOT NULL,       -- of its newest event
  id      TEXT NOT NULL,
  open    INTEGER NOT NULL,       -- a tool that has not ended, a text without end time
  started INTEGER,                -- seq of its ToolStarted
  body    TEXT NOT NULL
);
INSERT INTO part VALUES(549755944961,3,1,'prt_1',0,NULL,'{"id":"prt_1","sessionID":"ses_1","messageID":"msg_1","type":"text","text":"hello","time":{"start":1,"end":2}}');
INSERT INTO part VALUES(549756076033,7,2,'prt_2',1,NULL,'{"id":"prt_2","sessionID":"ses_1","messageID":"msg_2","type":"text","text":"","time":{"start":1}}');
INSERT INTO part VALUES(549756076034,9,3,'prt_3',1,10,'{"id":"prt_3","sessionID":"ses_1","messageID":"msg_2","type":"tool","callID":"call_1","tool":"bash","state":{"status":"running","input":{},"time":{"start":3}}}');
CREATE TABLE tail (
  part INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (part, seq)
) WITHOUT ROWID;
INSERT INTO tail VALUES(549756076033,8,'streamed ');
CREATE TABLE request (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL REFERENCES session (key),
  id      TEXT NOT NULL UNIQUE,
  reply   TEXT,                   -- null while open
  body    TEXT NOT NULL
);
INSERT INTO request VALUES(1,12,1,'per_1',NULL,'{"id":"per_1","sessionID":"ses_1","permission":"bash","patterns":["ls"],"metadata":{},"always":[]}');
INSERT INTO request VALUES(2,14,1,'per_2','once','{"id":"per_2","sessionID":"ses_1","permission":"bash","patterns":["ls"],"metadata":{},"always":[]}');
CREATE TABLE todo (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  body    TEXT NOT NULL
);
INSERT INTO todo VALUES(1,11,'[{"content":"a","status":"pending","priority":"high"}]');
CREATE TABLE turn (
  session INTEGER PRIMARY KEY REFERENCES session (key),
  seq     INTEGER NOT NULL,
  message TEXT NOT NULL,
  reason  TEXT                    -- null while open
);
INSERT INTO turn VALUES(1,5,'msg_1',NULL);
INSERT INTO turn VALUES(2,34,'msg_1','completed');
CREATE TABLE inbox (
  seq     INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session (key),
  message TEXT NOT NULL
);
INSERT INTO inbox VALUES(36,2,'msg_2');
CREATE TABLE project (
  id      TEXT PRIMARY KEY,
  updated INTEGER NOT NULL,
  body    TEXT NOT NULL
);
CREATE TABLE used_key (
  key     TEXT PRIMARY KEY,
  seq     INTEGER NOT NULL UNIQUE,
  session INTEGER NOT NULL REFERENCES session (key),
  time    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE question (
  key     INTEGER PRIMARY KEY,
  seq     INTEGER NOT NULL,
  session INTEGER NOT NULL REFERENCES session (key),
  id      TEXT NOT NULL UNIQUE,
  call    TEXT,                   -- of the tool that asked
  open    INTEGER NOT NULL,
  answers TEXT,                   -- JSON; null when it was dismissed
  body    TEXT NOT NULL
);
INSERT INTO question VALUES(1,15,1,'que_1','call_1',1,NULL,'{"id":"que_1","sessionID":"ses_1","questions":[{"question":"Q?","header":"H","options":[]}],"tool":{"messageID":"msg_2","callID":"call_1"}}');
INSERT INTO question VALUES(2,17,1,'que_2','call_1',0,'[["A"]]','{"id":"que_2","sessionID":"ses_1","questions":[{"question":"Q?","header":"H","options":[]}],"tool":{"messageID":"msg_2","callID":"call_1"}}');
INSERT INTO question VALUES(3,19,1,'que_3','call_1',0,NULL,'{"id":"que_3","sessionID":"ses_1","questions":[{"question":"Q?","header":"H","options":[]}],"tool":{"messageID":"msg_2","callID":"call_1"}}');
CREATE TABLE saved_rule (
  id         TEXT PRIMARY KEY,
  project    TEXT NOT NULL,
  directory  TEXT NOT NULL,       -- empty where the project is a repository
  permission TEXT NOT NULL,
  pattern    TEXT NOT NULL,
  created    INTEGER NOT NULL,
  UNIQUE (project, directory, permission, pattern)
);
INSERT INTO saved_rule VALUES('rule_1','project','','bash','git *',1795397719724);
CREATE TABLE record (
  session INTEGER NOT NULL REFERENCES session (key),
  kind    TEXT NOT NULL,
  key     TEXT NOT NULL,
  seq     INTEGER NOT NULL UNIQUE,
  open    INTEGER NOT NULL,
  body    TEXT NOT NULL,          -- the event's: {"sessionID","kind","key","open","body"}
  PRIMARY KEY (session, kind, key)
) WITHOUT ROWID;
INSERT INTO record VALUES(1,'ref','a:1',22,1,'{"sessionID":"ses_1","kind":"ref","key":"a:1","open":true,"body":{"n":2}}');
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
CREATE INDEX question_by_call ON question (session, call);
CREATE INDEX question_open ON question (session) WHERE open;
CREATE INDEX question_by_session ON question (session);
CREATE INDEX session_background ON session (key) WHERE background;
CREATE INDEX record_by_key ON record (kind, key);
CREATE INDEX record_by_seq ON record (kind, seq);
CREATE INDEX record_open ON record (kind, seq) WHERE open;
COMMIT;
PRAGMA user_version=4;
