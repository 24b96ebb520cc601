-- Certificates that the internal CA issued, so that they can be listed and revoked. They outlive their device:
-- what is revoked stays on the list until it would have ended anyway. Times of 0 mean never.

CREATE TABLE certificates (
    tenant BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    serial TEXT NOT NULL,
    device BLOB NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_expires ON certificates (expires);
CREATE INDEX certificates_revoked ON certificates (tenant, revoked) WHERE revoked != 0;
