-- The first form of the store. Times are microseconds since 1970 UTC, ids are 16 bytes, hashes 32;
-- the tenant leads every key. A time of 0 means never.

CREATE TABLE tenants (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
INSERT INTO tenants VALUES (x'00000000000070008000000000000001', 'default');

CREATE TABLE devices (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    manufacturer TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    serial TEXT NOT NULL DEFAULT '',
    software TEXT NOT NULL DEFAULT '',
    hardware TEXT NOT NULL DEFAULT '',
    oui TEXT NOT NULL DEFAULT '',
    product_class TEXT NOT NULL DEFAULT '',
    online INTEGER NOT NULL DEFAULT 0,
    proven INTEGER NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '',
    last_seen INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL,
    onboarded INTEGER NOT NULL DEFAULT 0,
    model_hash BLOB,
    epoch INTEGER NOT NULL DEFAULT 0,
    -- Counts the Boot! events, so that a notification is never taken for one from before a boot.
    boots INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX devices_name ON devices (tenant, name, id);
CREATE INDEX devices_manufacturer ON devices (tenant, manufacturer, id);
CREATE INDEX devices_model ON devices (tenant, model, id);
CREATE INDEX devices_serial ON devices (tenant, serial, id);
CREATE INDEX devices_software ON devices (tenant, software, id);
CREATE INDEX devices_last_seen ON devices (tenant, last_seen, id);
CREATE INDEX devices_first_seen ON devices (tenant, first_seen, id);
CREATE INDEX devices_online ON devices (tenant, id) WHERE online = 1;

CREATE TABLE tags (
    tenant BLOB NOT NULL,
    tag TEXT NOT NULL,
    device BLOB NOT NULL,
    PRIMARY KEY (tenant, tag, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_device ON tags (tenant, device, tag);

CREATE TABLE identities (
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    device BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_device ON identities (tenant, device, at);

CREATE TABLE credentials (
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    value BLOB NOT NULL,
    device BLOB NOT NULL,
    origin TEXT NOT NULL,
    at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_device ON credentials (tenant, device, at);

CREATE TABLE sessions (
    tenant BLOB NOT NULL,
    device BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    transport TEXT NOT NULL,
    peer TEXT NOT NULL,
    proven INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, device, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_open ON sessions (tenant, device) WHERE until = 0;
CREATE INDEX sessions_ended ON sessions (until) WHERE until != 0;

CREATE TABLE pending (
    tenant BLOB NOT NULL,
    endpoint TEXT NOT NULL,
    transport TEXT NOT NULL,
    peer TEXT NOT NULL,
    proven INTEGER NOT NULL,
    fingerprint BLOB,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (tenant, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_last_seen ON pending (tenant, last_seen);

CREATE TABLE rejected (
    tenant BLOB NOT NULL,
    endpoint TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, endpoint)
) STRICT, WITHOUT ROWID;

CREATE TABLE refused (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant BLOB NOT NULL,
    at INTEGER NOT NULL,
    peer TEXT NOT NULL,
    endpoint TEXT,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX refused_tenant ON refused (tenant);

-- The append-only dictionary of {i} paths that twins name. Facts about models, not about tenants.
CREATE TABLE paths (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE twins (
    tenant BLOB NOT NULL,
    device BLOB NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (tenant, device)
) STRICT;

CREATE TABLE twin_deltas (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant BLOB NOT NULL,
    device BLOB NOT NULL,
    delta BLOB NOT NULL
) STRICT;
CREATE INDEX twin_deltas_device ON twin_deltas (tenant, device);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant BLOB NOT NULL,
    device BLOB,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    path TEXT,
    params BLOB NOT NULL,
    duplicate INTEGER NOT NULL DEFAULT 0,
    job BLOB
) STRICT;
CREATE INDEX events_tenant ON events (tenant);
CREATE INDEX events_device ON events (tenant, device);

CREATE TABLE notifications (
    tenant BLOB NOT NULL,
    device BLOB NOT NULL,
    key BLOB NOT NULL,
    boots INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tenant, device, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_at ON notifications (at);

CREATE TABLE models (
    tenant BLOB NOT NULL,
    hash BLOB NOT NULL,
    document BLOB NOT NULL,
    size INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;

CREATE TABLE model_hints (
    tenant BLOB NOT NULL,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, vendor, model, version, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    device BLOB NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    accepted BLOB,
    priority INTEGER NOT NULL,
    actor TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    -- When something has to happen to it by itself; 0 for nothing.
    due INTEGER NOT NULL DEFAULT 0,
    deadline INTEGER,
    -- If it holds secrets: sealed while the job is under way, and then replaced by the masked one.
    request BLOB NOT NULL,
    sealed INTEGER NOT NULL,
    masked BLOB,
    outcome BLOB,
    error_code INTEGER,
    error TEXT,
    command_key TEXT,
    idempotency_key TEXT,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX jobs_device ON jobs (tenant, device, id);
CREATE INDEX jobs_state ON jobs (tenant, state, id);
CREATE INDEX jobs_queued ON jobs (tenant, device, priority, created, id) WHERE state = 'queued';
CREATE INDEX jobs_sent ON jobs (tenant, device) WHERE state = 'sent';
CREATE INDEX jobs_due ON jobs (due) WHERE due != 0;
CREATE INDEX jobs_finished ON jobs (updated) WHERE state NOT IN ('queued', 'sent', 'accepted');
CREATE INDEX jobs_command_key ON jobs (tenant, device, command_key) WHERE command_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (tenant, actor, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE users (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    password TEXT,
    roles TEXT NOT NULL,
    created INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    tenant BLOB NOT NULL,
    hash BLOB NOT NULL,
    user BLOB NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_expires ON links (expires);

CREATE TABLE logins (
    tenant BLOB NOT NULL,
    hash BLOB NOT NULL,
    user BLOB NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_user ON logins (tenant, user);
CREATE INDEX logins_expires ON logins (expires);

CREATE TABLE tokens (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
    tenant BLOB NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    name TEXT NOT NULL,
    uses_left INTEGER NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolments_expires ON enrolments (expires);

CREATE TABLE audit (
    tenant BLOB NOT NULL,
    chain INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, chain, seq)
) STRICT, WITHOUT ROWID;

-- Where pruning cut a chain: the last row that is gone.
CREATE TABLE audit_anchors (
    tenant BLOB NOT NULL,
    chain INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, chain)
) STRICT, WITHOUT ROWID;
