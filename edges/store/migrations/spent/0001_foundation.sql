-- Spent JWT ids: written with every token, read by nobody else.
-- Times are whole seconds since 1970.

-- JWT ids that may not be used again before `until`. (FAST Security STU2 7.1.4)
CREATE TABLE spent_jti (
    id    BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 32),  -- SHA-256 of community, issuer and jti
    party INTEGER NOT NULL,                                      -- whose share it counts to: 64 bits of SHA-256 of community and issuer
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_jti_end ON spent_jti (until);

-- The latest `until` of a spent id that was purged: what ended no later may be forgotten, so it is never fresh again.
CREATE TABLE purge_horizon (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    until INTEGER NOT NULL
) STRICT;

INSERT INTO purge_horizon (only, until) VALUES (1, 0);
