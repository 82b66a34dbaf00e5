-- name: AddOverride
-- Numbered from the one before, so that the latest is known whatever a clock did.
INSERT INTO gateway_overrides (gateway, class, no, state, who, account, why, until_at, at)
SELECT $1, $2, coalesce((SELECT max(no) FROM gateway_overrides WHERE gateway = $1 AND class = $2), 0) + 1, $3, $4, $5, $6,
       CASE WHEN $3 <> '' THEN now() + $7::interval END, now()
RETURNING until_at, at;

-- name: Overrides
-- The latest decision about each breaker, if it is in force.
SELECT gateway, class, state, who, account, why, until_at, at
  FROM (SELECT DISTINCT ON (gateway, class) gateway, class, state, who, account, why, until_at, at
          FROM gateway_overrides
         ORDER BY gateway, class, no DESC) latest
 WHERE until_at > now()
 ORDER BY gateway, class;
