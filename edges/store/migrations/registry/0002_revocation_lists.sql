-- The newest revocation list seen at each place, so that lists do not go backwards over a restart. (RFC 5280 5.2.3)
-- How far a CA had come is kept as long as an older list could be fresh; the list itself may have made room.

CREATE TABLE revocation_list (
    community   TEXT    NOT NULL,
    url         TEXT    NOT NULL,                       -- as certificates write it
    issuer      TEXT    NOT NULL,                       -- the name as certificates show it
    number      BLOB    CHECK (number IS NULL OR length(number) = 20),
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    der         BLOB,                                   -- last, for it is long; NULL when it had to make room
    PRIMARY KEY (community, url, issuer)
) STRICT;
