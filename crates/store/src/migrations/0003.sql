-- What approvals and enrolment tokens are bound to, an index for the search box, no hints of models.

-- Whether another proof has come under this name since the first attempt.
ALTER TABLE pending ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

-- The tag that its devices get, and the one endpoint that it is for.
ALTER TABLE enrolments ADD COLUMN tag TEXT;
ALTER TABLE enrolments ADD COLUMN endpoint TEXT;

-- Every device is asked for its model: what another one like it answered is no proof.
DROP TABLE model_hints;

-- What people know a device by, one line each, and the trigrams of that.
CREATE TABLE search (
    n INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    device BLOB NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (tenant, device)
) STRICT;
CREATE VIRTUAL TABLE search_index USING fts5 (text, content = 'search', content_rowid = 'n', tokenize = 'trigram');
INSERT INTO search (tenant, device, text)
    SELECT tenant, id, name || char(10) || serial || char(10) || model || char(10) || address || char(10) ||
        ifnull((SELECT group_concat(value, char(10)) FROM identities
            WHERE identities.tenant = devices.tenant AND identities.device = devices.id), '')
    FROM devices;
INSERT INTO search_index (search_index) VALUES ('rebuild');
