-- Devices that listen, and are dialled by the server.

CREATE TABLE dials (
    tenant BLOB NOT NULL,
    endpoint TEXT NOT NULL,
    device BLOB NOT NULL,
    url TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX dials_device ON dials (tenant, device);
