-- Devices that are expected: let in at first contact, if a CA vouches for them. Each is known by its endpoint id
-- ('endpoint') or by its serial number ('serial').

CREATE TABLE expected (
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    name TEXT,
    tag TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, value)
) STRICT, WITHOUT ROWID;
