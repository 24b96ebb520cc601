-- Data models that people imported.

CREATE TABLE data_models (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    protocol TEXT NOT NULL,
    uri TEXT,
    definitions INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
