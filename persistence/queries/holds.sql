-- name: ReadHolds
SELECT transaction_id, status, step, amount, released, refunded, commission_share, commission, talent_fee, auto_release_hours,
       held_at, release_at, released_at, released_by
  FROM holds
 WHERE transaction_id = ANY($1::uuid[]);

-- name: InsertHolds
INSERT INTO holds (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
       auto_release_hours, held_at, release_at, released_at, released_by)
SELECT n.transaction_id, n.currency, n.status, n.step, n.amount, n.released, n.refunded, n.commission_share, n.commission,
       n.talent_fee, n.auto_release_hours, n.held_at, n.release_at, n.released_at, n.released_by
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[], $8::integer[], $9::bigint[],
              $10::bigint[], $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[])
       AS n (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
             auto_release_hours, held_at, release_at, released_at, released_by);

-- name: UpdateHolds
-- What was fixed when the money was taken is not in the list: a later policy moves no
-- old hold (DT-406).
UPDATE holds h
   SET status = n.status, step = n.step, released = n.released, refunded = n.refunded, released_at = n.released_at,
       released_by = n.released_by
  FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::text[])
       AS n (transaction_id, status, step, released, refunded, released_at, released_by)
 WHERE h.transaction_id = n.transaction_id;
