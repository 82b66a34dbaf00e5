-- name: InsertIdentities
-- One that nobody had told of. Whoever parks it meanwhile makes this a unique
-- violation, and the round is decided again.
INSERT INTO inbox (identity, gateway, kind, transaction_id, status, parked_at)
SELECT n.identity, n.gateway, n.kind, n.transaction_id, n.status, n.at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
       AS n (identity, gateway, kind, transaction_id, status, at)
 ORDER BY n.identity;

-- name: CountIdentities
-- One that waited, or was under review, counts from here on; one that counts stays.
INSERT INTO inbox (identity, gateway, kind, transaction_id, status, parked_at)
SELECT n.identity, n.gateway, n.kind, n.transaction_id, n.status, n.at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
       AS n (identity, gateway, kind, transaction_id, status, at)
 ORDER BY n.identity
    ON CONFLICT (identity) DO UPDATE
   SET status = excluded.status, next_at = NULL, claimed_until = NULL
 WHERE inbox.status <> 'counted';

-- name: ReadIdentities
SELECT identity, status
  FROM inbox
 WHERE identity = ANY($1::text[]);

-- name: Park
-- One that waits or counts already is only locked, so that two copies of a delivery are
-- stored one after the other, and the second sees the first. One that stood aside is
-- told again, and waits from now on.
INSERT INTO inbox (identity, gateway, kind, transaction_id, status, reason, parked_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, now(), CASE WHEN $5 = 'waiting' THEN now() + $7::interval END)
    ON CONFLICT (identity) DO UPDATE
   SET status = excluded.status, transaction_id = excluded.transaction_id, reason = '', tries = 0,
       next_at = excluded.next_at, claimed_until = NULL
 WHERE excluded.status = 'waiting' AND inbox.status IN ('review', 'foreign', 'buried');

-- name: ClaimWaiting
WITH ready AS (
    SELECT identity
      FROM inbox
     WHERE next_at <= now() AND (claimed_until IS NULL OR claimed_until <= now())
     ORDER BY next_at
     LIMIT $1
       FOR UPDATE SKIP LOCKED), -- who claims at the same time takes others
claimed AS (
    UPDATE inbox i
       SET claimed_until = now() + $2::interval
      FROM ready r
     WHERE i.identity = r.identity
    RETURNING i.gateway, i.kind, i.identity, i.tries, i.parked_at, i.next_at)
SELECT gateway, kind, identity, tries, parked_at
  FROM claimed
 ORDER BY next_at;

-- name: Postpone
UPDATE inbox
   SET tries = tries + 1, next_at = now() + $2::interval, claimed_until = NULL
 WHERE identity = $1 AND status = 'waiting';

-- name: Bury
UPDATE inbox
   SET status = 'buried', reason = $2, next_at = NULL, claimed_until = NULL, tries = tries + 1
 WHERE identity = $1 AND status = 'waiting';

-- name: WakeWaiting
-- What was told of a transaction before it existed is tried at once.
UPDATE inbox
   SET next_at = now(), claimed_until = NULL
 WHERE transaction_id = ANY($1::uuid[]) AND status = 'waiting';

-- name: InboxAge
SELECT coalesce(extract(epoch FROM now() - min(parked_at)), 0)::float8
  FROM inbox
 WHERE next_at IS NOT NULL;
