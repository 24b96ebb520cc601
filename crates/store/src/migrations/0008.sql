-- More than one tenant. What belongs to none is the platform's, under an id that is no row of the list: people,
-- their sessions, tokens that reach everything, strangers, imported data models. Until now all of it stood under the
-- one tenant that there was.

ALTER TABLE tenants ADD COLUMN created INTEGER NOT NULL DEFAULT 0;

UPDATE users SET tenant = x'00000000000070008000000000000000';
UPDATE links SET tenant = x'00000000000070008000000000000000';
UPDATE logins SET tenant = x'00000000000070008000000000000000';
UPDATE tokens SET tenant = x'00000000000070008000000000000000';
UPDATE data_models SET tenant = x'00000000000070008000000000000000';
UPDATE rejected SET tenant = x'00000000000070008000000000000000';
UPDATE refused SET tenant = x'00000000000070008000000000000000';
UPDATE pending SET tenant = x'00000000000070008000000000000000'
    WHERE endpoint NOT IN (SELECT value FROM identities WHERE kind = 'usp');
UPDATE events SET tenant = x'00000000000070008000000000000000' WHERE device IS NULL;

-- What comes from outside without saying whose it is: it is one tenant's.
CREATE UNIQUE INDEX identities_name ON identities (kind, value);
CREATE UNIQUE INDEX credentials_value ON credentials (kind, value);
CREATE UNIQUE INDEX certificates_fingerprint ON certificates (fingerprint);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE UNIQUE INDEX enrolments_hash ON enrolments (hash);
CREATE UNIQUE INDEX expected_value ON expected (kind, value);

-- The audit log of all tenants in one order.
CREATE INDEX audit_at ON audit (at);
