-- name: AddOverride
-- Numbered from the one before, so that the latest is known whatever a clock did.
-- A day counted by the caller's clock may end a moment after ours does: it is cut.
INSERT INTO gateway_overrides (gateway, class, no, state, who, why, until_at, at)
SELECT $1, $2, coalesce((SELECT max(no) FROM gateway_overrides WHERE gateway = $1 AND class = $2), 0) + 1, $3, $4, $5,
       CASE WHEN $6::timestamptz IS NOT NULL THEN least($6, now() + interval '24 hours') END, now()
 WHERE $6 IS NULL OR ($6 > now() AND $6 <= now() + interval '24 hours' + $7::interval);

-- name: Overrides
-- The latest decision about each breaker, if it is in force.
SELECT gateway, class, state, who, why, until_at, at
  FROM (SELECT DISTINCT ON (gateway, class) gateway, class, state, who, why, until_at, at
          FROM gateway_overrides
         ORDER BY gateway, class, no DESC) latest
 WHERE until_at > now()
 ORDER BY gateway, class;
