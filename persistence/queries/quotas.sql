-- name: LockQuotas
-- Two that use the same quota count one after the other, on whatever node: the
-- count that follows is a statement of its own, and sees what the first has used.
-- Sorted, so that nobody waits in a circle.
SELECT pg_advisory_xact_lock(key)
  FROM (SELECT key FROM unnest($1::bigint[]) AS n (key) ORDER BY key) AS sorted;

-- name: UseQuotas
-- All of them are used, or none: what one refuses has not spent another. An intent
-- that is counted already passes, and is not counted again: it counts from now, or who
-- had uses kept in store could spend them beside the next window's. Each row is a quota that
-- is used up, with the seconds until it is free.
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at),
asked AS (
    SELECT n.subject, n.most, make_interval(secs => n.seconds) AS within
      FROM unnest($1::bytea[], $2::int[], $3::float8[]) AS n (subject, most, seconds)
),
counted AS (
    SELECT a.subject, a.within,
           coalesce(bool_or(u.intent = $4), false) AS again,
           count(u.intent) >= a.most AS used_up,
           (array_agg(u.used_at ORDER BY u.used_at DESC))[a.most] + a.within AS free_at
      FROM asked a
      CROSS JOIN moment m
      LEFT JOIN quota_uses u ON u.subject = a.subject AND u.used_at > m.at - a.within
     GROUP BY a.subject, a.most, a.within
),
kept AS (
    INSERT INTO quota_uses (subject, intent, used_at, forget_at)
    SELECT c.subject, $4, m.at, m.at + c.within
      FROM counted c
      CROSS JOIN moment m
     WHERE NOT EXISTS (SELECT FROM counted o WHERE o.used_up AND NOT o.again)
        ON CONFLICT (subject, intent) DO UPDATE SET used_at = EXCLUDED.used_at, forget_at = EXCLUDED.forget_at
)
SELECT c.subject, extract(epoch FROM c.free_at - m.at)::float8
  FROM counted c
 CROSS JOIN moment m
 WHERE c.used_up AND NOT c.again;

-- name: ForgetQuotas
DELETE FROM quota_uses
 WHERE forget_at < now();
