-- name: ListKept
SELECT identity, gateway, kind, status, reason, tries, parked_at, next_at
  FROM inbox
 WHERE status <> 'counted'
 ORDER BY parked_at DESC
 LIMIT $1;

-- name: ReplayBuried
UPDATE inbox
   SET status = 'waiting', reason = '', tries = 0, next_at = now(), claimed_until = NULL
 WHERE status = 'buried';
