-- name: I01 every journal balances
SELECT j.transaction_id::text, j.no::text FROM journals j LEFT JOIN postings p ON p.transaction_id = j.transaction_id AND p.journal_no = j.no
 GROUP BY j.transaction_id, j.no, p.currency HAVING coalesce(sum(p.amount), 1) <> 0;

-- name: I02 the whole ledger balances
SELECT currency, sum(amount)::text FROM postings GROUP BY currency HAVING sum(amount) <> 0;

-- name: I03 a kept balance is the sum of its postings
SELECT a.address, a.balance::text FROM accounts a LEFT JOIN postings p ON p.account = a.address
 GROUP BY a.address, a.balance HAVING a.balance <> coalesce(sum(p.amount), 0);

-- name: I04 escrow is what the holds still owe
SELECT currency, coalesce(led, 0)::text FROM
 (SELECT currency, sum(amount) led FROM postings WHERE account IN ('escrow:held', 'escrow:frozen') GROUP BY currency) l
 FULL JOIN (SELECT currency, sum(amount - released - refunded) own FROM holds GROUP BY currency) h USING (currency)
 WHERE coalesce(led, 0) <> coalesce(own, 0);

-- name: I05 one hold for each transaction ever paid, and none otherwise
SELECT coalesce(t.id, h.transaction_id)::text, t.status FROM transactions t FULL JOIN holds h ON h.transaction_id = t.id
 WHERE coalesce(t.ever_paid, false) IS DISTINCT FROM (h.transaction_id IS NOT NULL);

-- name: I06 no account is below its floor
SELECT address, balance::text FROM accounts WHERE floor IS NOT NULL AND balance < floor;

-- name: I07 a talent is never sent more than was released
-- Their part of it: what was released includes our commission.
SELECT p.transaction_id::text, p.amount::text FROM payouts p LEFT JOIN holds h USING (transaction_id)
 WHERE p.status IN ('sent', 'paid') AND p.amount > CASE WHEN h.status = 'released' THEN h.talent_fee ELSE 0 END;

-- name: I08a one live attempt
SELECT transaction_id::text, count(*)::text FROM attempts WHERE status IN ('sending', 'customer', 'unknown', 'quarantine')
 GROUP BY transaction_id HAVING count(*) > 1;

-- name: I08b one kept attempt
SELECT transaction_id::text, count(*)::text FROM attempts WHERE disposition = 'kept' GROUP BY transaction_id HAVING count(*) > 1;

-- name: I09 every success is kept, in suspense, or owed back
-- All of it, and nothing else is.
SELECT coalesce(a.reference, r.reference), coalesce(a.disposition, 'nothing') FROM
 (SELECT transaction_id, no, reference, disposition, captured FROM attempts
   WHERE status = 'succeeded' AND coalesce(disposition, '') NOT IN ('kept', 'suspense')) a
 FULL JOIN (SELECT transaction_id, attempt_no, reference, amount FROM refunds WHERE cause = 'surplus') r ON r.transaction_id = a.transaction_id AND r.attempt_no = a.no
 WHERE a.captured IS DISTINCT FROM r.amount;

-- name: I10 what attempts captured is what was booked from the gateways
SELECT coalesce(c.transaction_id, l.transaction_id)::text, coalesce(got, 0)::text FROM
 (SELECT transaction_id, sum(captured) got FROM attempts WHERE status = 'succeeded' GROUP BY transaction_id) c
 FULL JOIN (SELECT j.transaction_id, -sum(p.amount) booked FROM journals j
              JOIN postings p ON p.transaction_id = j.transaction_id AND p.journal_no = j.no
             WHERE j.kind IN ('charge.kept', 'charge.surplus', 'charge.suspense') AND p.account LIKE 'gateway:%' GROUP BY j.transaction_id) l
 USING (transaction_id) WHERE coalesce(got, 0) <> coalesce(booked, 0);

-- name: I11 refunds never exceed the capture
SELECT r.transaction_id::text, r.attempt_no::text FROM refunds r
  LEFT JOIN attempts a ON a.transaction_id = r.transaction_id AND a.no = r.attempt_no
 GROUP BY r.transaction_id, r.attempt_no, a.captured HAVING sum(r.amount) > coalesce(a.captured, 0);

-- name: I12 one refund in flight for each attempt
SELECT transaction_id::text, attempt_no::text FROM refunds WHERE status IN ('sending', 'unknown', 'pending')
 GROUP BY transaction_id, attempt_no HAVING count(*) > 1;

-- name: I13 only legal moves
SELECT h.subject, h.from_status || ' to ' || h.to_status FROM history h LEFT JOIN legal_moves m USING (machine, from_status, to_status)
 WHERE m.emits IS NULL;

-- name: I14 each step starts where the last one ended
SELECT subject, step::text FROM (SELECT subject, step, from_status, lag(to_status) OVER w prev, row_number() OVER w n FROM history
 WINDOW w AS (PARTITION BY subject ORDER BY step)) x WHERE step <> n OR (n > 1 AND from_status <> prev) OR (n = 1 AND from_status <> '');

-- name: I14b every status is where its history ended
SELECT x.subject, x.status || ' after ' || coalesce(h.to_status, 'nothing') FROM (
 SELECT id AS transaction_id, 'charge' AS machine, NULL AS subject, status, step FROM transactions
 UNION ALL SELECT transaction_id, 'attempt', reference, status, step FROM attempts
 UNION ALL SELECT transaction_id, 'hold', NULL, status, step FROM holds
 UNION ALL SELECT transaction_id, 'payout', NULL, status, step FROM payouts
 UNION ALL SELECT transaction_id, 'try', reference, status, step FROM payout_tries
 UNION ALL SELECT transaction_id, 'refund', reference, status, step FROM refunds) x
 LEFT JOIN history h ON h.transaction_id = x.transaction_id AND h.machine = x.machine AND h.step = x.step
      AND (x.subject IS NULL OR h.subject = x.subject)
 WHERE h.to_status IS DISTINCT FROM x.status;

-- name: I15 a move that tells has its event
SELECT h.subject, h.step::text FROM history h JOIN legal_moves m USING (machine, from_status, to_status)
 LEFT JOIN outbox o USING (transaction_id, subject, step) WHERE m.emits AND o.seq IS NULL;

-- name: I16 events are numbered without a gap
SELECT transaction_id::text, max(seq)::text FROM outbox GROUP BY transaction_id HAVING max(seq) <> count(*) OR min(seq) <> 1;

-- name: I19 nothing due is stuck
SELECT transaction_id::text, kind FROM due WHERE due_at < now() - interval '5 min';

-- name: I19b nothing waits without a try to come
SELECT identity, status FROM inbox WHERE next_at < now() - interval '5 min';

-- name: I21 an open transaction owns its slot, a closed one does not
SELECT t.id::text, t.status FROM transactions t LEFT JOIN open_bookings b ON b.transaction_id = t.id
 WHERE (t.status IN ('failed', 'expired', 'cancelled')) = (b.transaction_id IS NOT NULL);

-- name: I22a a payout never changes gateway
SELECT transaction_id::text, count(DISTINCT gateway)::text FROM payout_tries GROUP BY transaction_id HAVING count(DISTINCT gateway) > 1;

-- name: I22b a payout's reference is its own
SELECT reference, count(*)::text FROM payout_tries GROUP BY reference HAVING count(*) > 1;

-- name: I22c a new try only after a conclusive one
SELECT transaction_id::text, count(*)::text FROM payout_tries WHERE status NOT IN ('failed', 'reversed') GROUP BY transaction_id HAVING count(*) > 1;

-- name: I24a a live attempt will be asked about
SELECT a.reference, a.status FROM attempts a LEFT JOIN due d ON d.transaction_id = a.transaction_id AND d.kind = 'charge'
 WHERE a.status IN ('sending', 'customer', 'unknown', 'quarantine') AND d.kind IS NULL;

-- name: I24b a hold nobody doubts will be released
SELECT h.transaction_id::text, h.status FROM holds h JOIN transactions t ON t.id = h.transaction_id
  LEFT JOIN due d ON d.transaction_id = h.transaction_id AND d.kind = 'release'
 WHERE h.status = 'held' AND t.review = '' AND d.kind IS NULL;

-- name: I24c a payout that is owed will be looked at
SELECT p.transaction_id::text, p.status || ' ' || p.waiting FROM payouts p JOIN transactions t ON t.id = p.transaction_id
  LEFT JOIN due d ON d.transaction_id = p.transaction_id AND d.kind = 'payout'
 WHERE p.status <> 'paid' AND (t.review = '' OR p.status = 'sent') AND d.kind IS NULL
   AND NOT (p.status <> 'sent' AND p.waiting = 'wallet_rejected' AND
            (SELECT max(no) FROM wallets w WHERE w.talent_id = p.talent_id) =
            (SELECT wallet_no FROM payout_tries y WHERE y.transaction_id = p.transaction_id ORDER BY no DESC LIMIT 1));

-- name: I24d what is owed back will be looked at
SELECT r.reference, r.status FROM refunds r LEFT JOIN due d ON d.transaction_id = r.transaction_id AND d.kind = 'refund'
 WHERE r.status <> 'done' AND d.kind IS NULL;

-- name: I24e a payment that waits for its money will be looked at
-- Also one that every gateway turned away, which has no live attempt.
SELECT t.id::text, t.status FROM transactions t LEFT JOIN due d ON d.transaction_id = t.id AND d.kind = 'charge'
 WHERE t.status IN ('initiated', 'processing') AND d.kind IS NULL;

-- name: I25 who asks on a phone owns its prompt, and nobody else does
-- A prompt has a row under each index key there was when it was made.
SELECT coalesce(a.transaction_id, p.transaction_id)::text, CASE WHEN p.transaction_id IS NULL THEN 'asks' ELSE 'owns' END FROM
 (SELECT a.transaction_id, t.phone_index, t.amount FROM attempts a JOIN transactions t ON t.id = a.transaction_id
   WHERE a.flow = 'direct' AND a.status IN ('sending', 'customer', 'unknown', 'quarantine')) a
 FULL JOIN (SELECT transaction_id, array_agg(phone_index) AS indexes, min(amount) AS least, max(amount) AS most
               FROM open_prompts GROUP BY transaction_id) p USING (transaction_id)
 WHERE (a.phone_index = ANY(p.indexes) AND a.amount = p.least AND a.amount = p.most) IS NOT TRUE;

-- name: I26a what refunds have in flight is booked so
SELECT coalesce(r.transaction_id, l.transaction_id)::text, coalesce(led, 0)::text FROM
 (SELECT transaction_id, sum(amount) own FROM refunds WHERE status IN ('sending', 'unknown', 'pending') GROUP BY transaction_id) r
 FULL JOIN (SELECT transaction_id, sum(amount) led FROM postings WHERE account = 'refund:in_flight' GROUP BY transaction_id) l
 USING (transaction_id) WHERE coalesce(own, 0) <> coalesce(led, 0);

-- name: I26b what is owed back is booked so
SELECT coalesce(r.transaction_id, l.transaction_id)::text, coalesce(led, 0)::text FROM
 (SELECT transaction_id, sum(amount) own FROM refunds WHERE status IN ('owed', 'manual') GROUP BY transaction_id) r
 FULL JOIN (SELECT transaction_id, sum(amount) led FROM postings WHERE account = 'payer:surplus' GROUP BY transaction_id) l
 USING (transaction_id) WHERE coalesce(own, 0) <> coalesce(led, 0);

-- name: I27 a refund that is done has left its gateway, and no other has
-- Its journals' cause is its number, and the flight after a dot from the second on.
SELECT coalesce(r.transaction_id, l.transaction_id)::text, coalesce(r.short, l.short) FROM
 (SELECT transaction_id, 'r' || no AS short, 'gateway:' || gateway || ':balance' AS account, amount FROM refunds WHERE status = 'done') r
 FULL JOIN (SELECT j.transaction_id, split_part(j.cause, '.', 1) AS short, p.account, sum(p.amount) AS amount FROM journals j
              JOIN postings p ON p.transaction_id = j.transaction_id AND p.journal_no = j.no AND p.account LIKE 'gateway:%'
             WHERE j.kind IN ('refund.done', 'refund.returned') GROUP BY j.transaction_id, split_part(j.cause, '.', 1), p.account) l
 ON r.transaction_id = l.transaction_id AND r.short = l.short AND r.account = l.account WHERE coalesce(r.amount, 0) <> coalesce(l.amount, 0);

-- name: I28 money goes back through the gateway that took it
SELECT r.reference, r.gateway FROM refunds r LEFT JOIN attempts a ON a.transaction_id = r.transaction_id AND a.no = r.attempt_no
 WHERE r.gateway IS DISTINCT FROM a.gateway;

-- name: I29 a payment is under review as long as something about it is doubted
SELECT t.id::text, t.review FROM transactions t
 WHERE (t.review <> '') <> (EXISTS (SELECT FROM attempts a WHERE a.transaction_id = t.id AND a.doubt <> ''
                                        AND (t.paid_at IS NULL OR a.disposition = 'kept'))
                         OR EXISTS (SELECT FROM payout_tries p WHERE p.transaction_id = t.id AND p.doubt <> ''));
