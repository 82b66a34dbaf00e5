-- What is sealed under which key, and sealing it anew. A sealed column begins with its
-- version, the length of its key's id and the id.

-- name: SealedUnder
-- Of a look at each table's ends: enough to name a key that is missing, whatever the size.
SELECT place, encode(substr(sealed, 3, get_byte(sealed, 1)), 'escape') AS key, count(*)
  FROM ((SELECT 'transactions' AS place, phone_sealed AS sealed FROM transactions ORDER BY id LIMIT $1)
         UNION ALL
        (SELECT 'transactions', phone_sealed FROM transactions ORDER BY id DESC LIMIT $1)
         UNION ALL
        (SELECT 'payout_tries', phone_sealed FROM payout_tries ORDER BY transaction_id, no LIMIT $1)
         UNION ALL
        (SELECT 'payout_tries', phone_sealed FROM payout_tries ORDER BY transaction_id DESC, no DESC LIMIT $1)
         UNION ALL
        (SELECT 'wallets', phone_sealed FROM wallets ORDER BY talent_id, no LIMIT $1)
         UNION ALL
        (SELECT 'wallets', phone_sealed FROM wallets ORDER BY talent_id DESC, no DESC LIMIT $1)
         UNION ALL
        (SELECT 'proposals', phone_sealed FROM proposals ORDER BY id LIMIT $1)
         UNION ALL
        (SELECT 'proposals', phone_sealed FROM proposals ORDER BY id DESC LIMIT $1)
         UNION ALL
        (SELECT 'deliveries', body FROM deliveries LIMIT $1)) seen
 WHERE length(sealed) > 2
 GROUP BY 1, 2
 ORDER BY 1, 2;

-- name: KeptUnder
-- Of what is never written again: it goes with its retention.
SELECT 'deliveries', encode(substr(head, 3, get_byte(head, 1)), 'escape') AS key, count(*)
  FROM (SELECT substr(body, 1, 40) AS head FROM deliveries) kept
 WHERE length(head) > 2
 GROUP BY 2
 ORDER BY 2;

-- name: TakeTime
-- For one database transaction: a count of whole tables.
SET LOCAL statement_timeout = '10min';

-- name: SealedPayers
SELECT id, phone_sealed, phone_index
  FROM transactions
 WHERE id > $1
 ORDER BY id
 LIMIT $2;

-- name: ResealPayers
-- Whoever decides holds the row: it is left for the next run, and nobody waits. So is a
-- payment that asks on its phone: its prompt is under the index it was made with (I25).
WITH free AS (
    SELECT t.id
      FROM transactions t
     WHERE t.id = ANY($1::uuid[]) AND NOT EXISTS (SELECT 1 FROM open_prompts p WHERE p.transaction_id = t.id)
     ORDER BY t.id
       FOR UPDATE SKIP LOCKED)
UPDATE transactions t
   SET phone_sealed = n.sealed, phone_index = n.index
  FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bytea[]) AS n (id, was, sealed, index)
  JOIN free USING (id)
 WHERE t.id = n.id AND t.phone_sealed = n.was;

-- name: SealedTries
SELECT transaction_id, no, phone_sealed
  FROM payout_tries
 WHERE (transaction_id, no) > ($1, $3)
 ORDER BY transaction_id, no
 LIMIT $2;

-- name: ResealTries
WITH free AS (
    SELECT y.transaction_id, y.no
      FROM payout_tries y
      JOIN unnest($1::uuid[], $2::integer[]) AS n (transaction_id, no) USING (transaction_id, no)
     ORDER BY y.transaction_id, y.no
       FOR UPDATE OF y SKIP LOCKED)
UPDATE payout_tries y
   SET phone_sealed = n.sealed
  FROM unnest($1::uuid[], $2::integer[], $3::bytea[], $4::bytea[]) AS n (transaction_id, no, was, sealed)
  JOIN free USING (transaction_id, no)
 WHERE y.transaction_id = n.transaction_id AND y.no = n.no AND y.phone_sealed = n.was;

-- name: SealedWallets
SELECT talent_id, no, phone_sealed
  FROM wallets
 WHERE (talent_id, no) > ($1, $3)
 ORDER BY talent_id, no
 LIMIT $2;

-- name: ResealWallets
UPDATE wallets w
   SET phone_sealed = n.sealed
  FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::bytea[]) AS n (talent_id, no, was, sealed)
 WHERE w.talent_id = n.talent_id AND w.no = n.no AND w.phone_sealed = n.was;

-- name: SealedProposals
-- Those that can be approved no more; the others end within a day.
SELECT id, phone_sealed
  FROM proposals
 WHERE id > $1 AND ends_at < now()
 ORDER BY id
 LIMIT $2;

-- name: ResealProposals
UPDATE proposals p
   SET phone_sealed = n.sealed
  FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n (id, was, sealed)
 WHERE p.id = n.id AND p.phone_sealed = n.was;
