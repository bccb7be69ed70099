-- Whose share of the revocations a record counts to, so that one client cannot use up the room of all.

ALTER TABLE revoked_token ADD COLUMN party INTEGER NOT NULL DEFAULT 0;  -- 64 bits of SHA-256 of community and client URI

CREATE TABLE revoked_token_share (
    party INTEGER NOT NULL PRIMARY KEY,
    rows  INTEGER NOT NULL CHECK (rows >= 0)
) STRICT;

INSERT INTO revoked_token_share (party, rows) SELECT party, count(*) FROM revoked_token GROUP BY party;

CREATE TRIGGER revoked_token_shares_in AFTER INSERT ON revoked_token BEGIN
    INSERT INTO revoked_token_share (party, rows) VALUES (new.party, 1)
        ON CONFLICT (party) DO UPDATE SET rows = rows + 1;
END;

CREATE TRIGGER revoked_token_shares_out AFTER DELETE ON revoked_token BEGIN
    UPDATE revoked_token_share SET rows = rows - 1 WHERE party = old.party;
    DELETE FROM revoked_token_share WHERE party = old.party AND rows = 0;
END;
