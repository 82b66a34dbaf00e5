-- name: Attention
-- What people have to look at. Each part reads a small partial index, or a table
-- that is small when all is well.
SELECT (SELECT count(*) FROM transactions WHERE review <> '')::float8,
       (SELECT count(*) FROM inbox WHERE status = 'buried')::float8,
       (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM payouts WHERE status <> 'paid')::float8,
       (SELECT count(*) FROM deliveries_default)::float8,
       (SELECT coalesce(sum(amount), 0) FROM refunds WHERE status <> 'done')::float8,
       (SELECT coalesce(sum(amount), 0) FROM postings WHERE account LIKE 'suspense:%')::float8,
       (SELECT count(*) FROM (SELECT DISTINCT ON (gateway, class) until_at FROM gateway_overrides ORDER BY gateway, class, no DESC) latest
         WHERE until_at > now())::float8;

-- name: OpenRefunds
SELECT status, count(*)::float8, extract(epoch FROM now() - min(owed_at))::float8
  FROM refunds
 WHERE status <> 'done'
 GROUP BY status;
