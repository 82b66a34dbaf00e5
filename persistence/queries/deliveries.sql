-- name: InsertDeliveries
-- The first of an identity. They are dated by the clock that cuts the partitions, not
-- by an edge whose clock is off.
INSERT INTO deliveries (identity, gateway, signature, body, received_at)
SELECT n.identity, n.gateway, n.signature, n.body, now()
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS n (identity, gateway, signature, body);

-- name: InsertOtherDeliveries
-- Equal signatures are equal bytes: they are kept once for each identity. To know, the
-- last days' partitions are looked into: no gateway repeats itself for longer
-- (Paystack docs, Webhooks: 72 hours).
INSERT INTO deliveries (identity, gateway, signature, body, received_at)
SELECT n.identity, n.gateway, n.signature, n.body, now()
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS n (identity, gateway, signature, body)
 WHERE NOT EXISTS (SELECT 1 FROM deliveries d
                    WHERE d.identity = n.identity AND d.signature = n.signature AND d.received_at > now() - interval '8 days');

-- name: Evidence
-- The last $2 deliveries of each identity, the oldest of them first.
SELECT identity, signature, body, received_at
  FROM (SELECT identity, signature, body, received_at, row_number() OVER (PARTITION BY identity ORDER BY received_at DESC) AS nth
          FROM deliveries
         WHERE identity = ANY($1::text[])) d
 WHERE nth <= $2
 ORDER BY identity, received_at;

-- name: MakePartitions
SELECT make_partitions($1);
