BEGIN TRANSACTION;
CREATE TABLE executions (
        id INTEGER PRIMARY KEY,
        exploration INTEGER NOT NULL REFERENCES explorations ON DELETE CASCADE,
        faults TEXT NOT NULL, occurrence INTEGER NOT NULL, verdict TEXT NOT NULL,
        purpose TEXT NOT NULL, decision TEXT NOT NULL, kind TEXT, error TEXT,
        problems TEXT NOT NULL, asked TEXT NOT NULL, trace TEXT NOT NULL, sources TEXT,
        extra TEXT NOT NULL, checksum INTEGER NOT NULL, ended REAL NOT NULL,
        UNIQUE (exploration, faults, occurrence));
INSERT INTO "executions" VALUES(1,1,'1 2',1,'passed','search','',NULL,NULL,'[]','[]','3 4 5|6 7',NULL,'',3070558777,1.79561438422403836252e+09);
INSERT INTO "executions" VALUES(2,1,'2 8',1,'passed','search','',NULL,NULL,'[]','[]','3 4 9|6 7',NULL,'',787970884,1.79561438422437405588e+09);
INSERT INTO "executions" VALUES(3,1,'2 10',1,'passed','search','',NULL,NULL,'[]','[]','3 4 11|6 7',NULL,'',1807985717,1.79561438422454214096e+09);
INSERT INTO "executions" VALUES(4,1,'12 13',1,'failed','shrink','','AssertionError at x:1','no movie','["lost"]','[null,"users"]','3 4 9|6 7',NULL,'more',563300397,1.79561438422470641138e+09);
CREATE TABLE explorations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
        begun REAL NOT NULL, state TEXT NOT NULL);
INSERT INTO "explorations" VALUES(1,'a test',1.79561438421096301073e+09,'interrupted');
CREATE TABLE left_out (
        execution INTEGER NOT NULL REFERENCES executions ON DELETE CASCADE,
        faults TEXT NOT NULL, reason TEXT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (execution, faults)) WITHOUT ROWID;
CREATE TABLE names (
        exploration INTEGER NOT NULL REFERENCES explorations ON DELETE CASCADE,
        number INTEGER NOT NULL, name TEXT NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (exploration, number)) WITHOUT ROWID;
INSERT INTO "names" VALUES(1,1,'{"execution_index":"[[\"page\", 1], [\"users\", 1]]","source":"page","service":"users","method":"GET","url":"http://users:5001/chris","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":200,"abort":true,"sleep":0.0}}',3316803024);
INSERT INTO "names" VALUES(1,2,'{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","source":"page","service":"movies","method":"POST","url":"http://movies:5002/","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":200,"abort":true,"sleep":0.0}}',1683125665);
INSERT INTO "names" VALUES(1,3,'{"call":{"execution_index":"[[\"page\", 1]]","source":"","target":"page","method":"GET","url":"http://page:5000/page","callsite":null,"timeout":[null,null],"outcome":{"status":200,"exception":null,"digest":null,"variant":""},"fault":null,"position":[],"api":""}}',2987761911);
INSERT INTO "names" VALUES(1,4,'{"call":{"execution_index":"[[\"page\", 1], [\"users\", 1]]","source":"page","target":"users","method":"GET","url":"http://users:5001/chris","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"timeout":[1.0,null],"outcome":{"status":null,"exception":"ReadTimeout","digest":null,"variant":"lost"},"fault":{"exception":"ReadTimeout","status":null,"abort":false,"sleep":"@expr(metadata[''timeout''])+0.001"},"position":[[1]],"api":""}}',1241046116);
INSERT INTO "names" VALUES(1,5,'{"call":{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","source":"page","target":"movies","method":"POST","url":"http://movies:5002/","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"timeout":[null,null],"outcome":{"status":200,"exception":null,"digest":"00000000000000000000000000000000","variant":""},"fault":null,"position":[[2,1]],"api":"grpc.call"}}',2340080804);
INSERT INTO "names" VALUES(1,6,'{"handling":{"execution_index":"[[\"page\", 1]]","service":"page","method":"GET","path":"/page","answer":{"status":500,"exception":null,"digest":null,"variant":""},"crash":{"error":"KeyError: ''\u00fc''","site":{"file":"/app/page.py","line":12,"function":"show_page"}}}}',3269013856);
INSERT INTO "names" VALUES(1,7,'{"handling":{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","service":"movies","method":"POST","path":"/","answer":null,"crash":null}}',3469330075);
INSERT INTO "names" VALUES(1,8,'{"execution_index":"[[\"page\", 1], [\"users\", 1]]","source":"page","service":"users","method":"GET","url":"http://users:5001/chris","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":201,"abort":true,"sleep":0.0}}',3288832205);
INSERT INTO "names" VALUES(1,9,'{"call":{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","source":"page","target":"movies","method":"POST","url":"http://movies:5002/","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"timeout":[null,null],"outcome":{"status":201,"exception":null,"digest":"00000000000000000000000000000001","variant":""},"fault":{"exception":"X","status":null,"abort":true,"sleep":0.0,"library":"other","details":{"code":"a"}},"position":[[2,1]],"api":"grpc.call"}}',372245800);
INSERT INTO "names" VALUES(1,10,'{"execution_index":"[[\"page\", 1], [\"users\", 1]]","source":"page","service":"users","method":"GET","url":"http://users:5001/chris","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":202,"abort":true,"sleep":0.0}}',3336151018);
INSERT INTO "names" VALUES(1,11,'{"call":{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","source":"page","target":"movies","method":"POST","url":"http://movies:5002/","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"timeout":[null,null],"outcome":{"status":202,"exception":null,"digest":"00000000000000000000000000000002","variant":""},"fault":null,"position":[[2,1]],"api":"grpc.call"}}',654186118);
INSERT INTO "names" VALUES(1,12,'{"execution_index":"[[\"page\", 1], [\"users\", 1]]","source":"page","service":"users","method":"GET","url":"http://users:5001/chris","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":500,"abort":true,"sleep":0.0}}',1888537832);
INSERT INTO "names" VALUES(1,13,'{"execution_index":"[[\"page\", 1], [\"movies\", 1]]","source":"page","service":"movies","method":"POST","url":"http://movies:5002/","callsite":{"file":"/app/page.py","line":12,"function":"show_page"},"fault":{"exception":null,"status":404,"abort":true,"sleep":0.0}}',3955739621);
COMMIT;
PRAGMA application_id = 1181314146;
PRAGMA user_version = 1;
