-- name: ReadHolds
SELECT transaction_id, status, step, amount, released, refunded, commission_share, commission, talent_fee, auto_release_hours,
       held_at, release_at, released_at, released_by
  FROM holds
 WHERE transaction_id = ANY($1::uuid[]);

-- name: WriteHolds
-- What was fixed when the money was taken is not updated: a later policy moves
-- no old hold (DT-406).
INSERT INTO holds (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
       auto_release_hours, held_at, release_at, released_at, released_by)
SELECT n.transaction_id, n.currency, n.status, n.step, n.amount, n.released, n.refunded, n.commission_share, n.commission,
       n.talent_fee, n.auto_release_hours, n.held_at, n.release_at, n.released_at, n.released_by
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[], $8::integer[], $9::bigint[],
              $10::bigint[], $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[])
       AS n (transaction_id, currency, status, step, amount, released, refunded, commission_share, commission, talent_fee,
             auto_release_hours, held_at, release_at, released_at, released_by)
    ON CONFLICT (transaction_id) DO UPDATE
   SET status = excluded.status, step = excluded.step, released = excluded.released, refunded = excluded.refunded,
       released_at = excluded.released_at, released_by = excluded.released_by;
