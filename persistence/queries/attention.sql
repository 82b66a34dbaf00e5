-- name: Attention
-- What people have to look at. Each part reads a small partial index, or a table
-- that is small when all is well.
SELECT (SELECT count(*) FROM transactions WHERE review <> '')::float8,
       (SELECT count(*) FROM refunds WHERE status = 'due')::float8,
       (SELECT count(*) FROM inbox WHERE status = 'buried')::float8,
       (SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM payouts WHERE status <> 'paid')::float8,
       (SELECT count(*) FROM deliveries_default)::float8;
