-- name: ListKept
SELECT identity, gateway, kind, status, reason, tries, parked_at, next_at
  FROM inbox
 WHERE status <> 'counted'
 ORDER BY parked_at DESC
 LIMIT $1;

-- name: Replay
UPDATE inbox
   SET status = 'waiting', reason = '', tries = 0, next_at = now(), claimed_until = NULL
 WHERE identity = $1 AND status IN ('buried', 'waiting');

-- name: ReplayBuried
UPDATE inbox
   SET status = 'waiting', reason = '', tries = 0, next_at = now(), claimed_until = NULL
 WHERE status = 'buried'
   AND ($1::timestamptz IS NULL OR parked_at >= $1)
   AND ($2::timestamptz IS NULL OR parked_at < $2);

-- name: Received
-- The bytes as they came, the earliest first, and what became of them. $2 bounds the
-- day: without it every partition would be asked.
SELECT d.received_at, d.identity, d.gateway, coalesce(i.kind, ''), coalesce(i.status, ''), i.transaction_id, length(d.body)
  FROM deliveries d
  LEFT JOIN inbox i ON i.identity = d.identity
 WHERE d.received_at > $1 AND d.received_at > now() - $2::interval
 ORDER BY d.received_at
 LIMIT $3;
