-- Registrations and revocations: what is read far more often than written.
-- Times are whole seconds since 1970. Texts from outside are compared by bytes (SQLite's default collation, BINARY).

CREATE TABLE registration (
    client_id           TEXT    NOT NULL PRIMARY KEY,
    base_group          TEXT    NOT NULL,               -- the bases that share a registration endpoint
    community           TEXT    NOT NULL,
    client_uri          TEXT    NOT NULL,
    client_name         TEXT    NOT NULL,
    contacts            TEXT    NOT NULL,               -- JSON array of strings
    logo_uri            TEXT,
    grant_types         TEXT    NOT NULL,               -- names, a space between; empty when cancelled
    scope               TEXT    NOT NULL,               -- as granted, a space between
    version             INTEGER NOT NULL CHECK (version >= 1),
    tokens_from_version INTEGER NOT NULL CHECK (tokens_from_version BETWEEN 1 AND version),
    created_at          INTEGER NOT NULL,
    changed_at          INTEGER NOT NULL,
    certificate         TEXT    NOT NULL CHECK (length(certificate) = 64),
    status              TEXT    NOT NULL CHECK (status IN ('active', 'blocked', 'cancelled')),
    status_at           INTEGER CHECK ((status_at IS NULL) = (status = 'active')),
    block_reason        TEXT    CHECK ((block_reason IS NULL) = (status <> 'blocked')),
    software_statement  TEXT    NOT NULL                -- as submitted; last, for it is long
) STRICT, WITHOUT ROWID;

-- One live registration for each party of a group; a cancelled one leaves the place free. (FAST Security STU2 2.2, 3.4)
CREATE UNIQUE INDEX registration_live ON registration (community, client_uri, base_group) WHERE status <> 'cancelled';
CREATE INDEX registration_party ON registration (community, client_uri);
CREATE INDEX registration_ended ON registration (status_at) WHERE status = 'cancelled';

-- Access tokens that were revoked one by one. (RFC 7009)
CREATE TABLE revoked_token (
    jti   TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_token_end ON revoked_token (until);

-- All tokens of a subject that were issued at or before `issued_until` are dead.
CREATE TABLE mass_revocation (
    kind         TEXT    NOT NULL CHECK (kind IN ('client', 'community', 'certificate')),
    subject      TEXT    NOT NULL,
    issued_until INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- How many rows each table holds, so that a cap costs a look-up and not a count.
CREATE TABLE row_count (
    counted TEXT    NOT NULL PRIMARY KEY,
    rows    INTEGER NOT NULL CHECK (rows >= 0)
) STRICT, WITHOUT ROWID;

INSERT INTO row_count (counted, rows) VALUES ('registration', 0), ('revoked_token', 0);

CREATE TRIGGER registration_counts_in AFTER INSERT ON registration BEGIN
    UPDATE row_count SET rows = rows + 1 WHERE counted = 'registration';
END;

CREATE TRIGGER registration_counts_out AFTER DELETE ON registration BEGIN
    UPDATE row_count SET rows = rows - 1 WHERE counted = 'registration';
END;

CREATE TRIGGER revoked_token_counts_in AFTER INSERT ON revoked_token BEGIN
    UPDATE row_count SET rows = rows + 1 WHERE counted = 'revoked_token';
END;

CREATE TRIGGER revoked_token_counts_out AFTER DELETE ON revoked_token BEGIN
    UPDATE row_count SET rows = rows - 1 WHERE counted = 'revoked_token';
END;
