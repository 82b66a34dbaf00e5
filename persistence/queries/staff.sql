-- name: AddStaff
INSERT INTO staff (name, role, daily_limit, added_at)
VALUES ($1, $2, $3, now());

-- name: ChangeStaff
UPDATE staff
   SET role = $2, daily_limit = $3
 WHERE name = $1 AND ended_at IS NULL;

-- name: EndStaff
-- Their keys work no longer either: KeysInUse reads who still works for us.
UPDATE staff
   SET ended_at = now()
 WHERE name = $1 AND ended_at IS NULL;

-- name: ListStaff
SELECT name, role, daily_limit, added_at, ended_at
  FROM staff
 ORDER BY name;

-- name: AddKey
INSERT INTO api_keys (id, staff, pepper, label, scopes, hash, created_at, expires_at)
VALUES ($1, nullif($2, ''), $3, $4, $5, $6, now(), $7);

-- name: RevokeKey
UPDATE api_keys
   SET revoked_at = now()
 WHERE id = $1 AND revoked_at IS NULL;

-- name: EndKey
-- The old one of a rotation: it works for so long yet, and not longer than it did.
UPDATE api_keys
   SET expires_at = least(expires_at, now() + $2::interval)
 WHERE id = $1 AND revoked_at IS NULL;

-- name: KeysInUse
-- Read whole every two seconds: one more than fits is told, never dropped unseen.
SELECT k.id, coalesce(k.staff, ''), coalesce(s.role, 'platform'), k.pepper, k.label, k.scopes, k.hash, k.created_at, k.expires_at,
       k.revoked_at, k.last_used_at
  FROM api_keys k
  LEFT JOIN staff s ON s.name = k.staff
 WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND s.ended_at IS NULL
 ORDER BY k.id
 LIMIT $1;

-- name: ListKeys
SELECT k.id, coalesce(k.staff, ''), coalesce(s.role, 'platform'), k.pepper, k.label, k.scopes, k.hash, k.created_at, k.expires_at,
       k.revoked_at, k.last_used_at
  FROM api_keys k
  LEFT JOIN staff s ON s.name = k.staff
 ORDER BY k.created_at DESC, k.id
 LIMIT $1;

-- name: KeysUsed
UPDATE api_keys k
   SET last_used_at = n.at
  FROM unnest($1::text[], $2::timestamptz[]) AS n (id, at)
 WHERE k.id = n.id AND (k.last_used_at IS NULL OR k.last_used_at < n.at);

-- name: LockProposals
-- One at a time of what one person proposes.
SELECT pg_advisory_xact_lock(hashtextextended('proposals of ' || $1, 0));

-- name: AddProposal
INSERT INTO proposals (id, kind, transaction_id, talent_id, number, review, through, operator, phone_sealed, name, amount, maker, reason, made_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now(), now() + $14::interval)
RETURNING made_at, ends_at;

-- name: Approve
-- In the commit of what is approved; a trigger holds it against who may, and how much.
UPDATE proposals
   SET verdict = 'approved', checker = $2, checked_at = now()
 WHERE id = $1;

-- name: Refuse
UPDATE proposals
   SET verdict = 'refused', checker = $2, checked_at = now()
 WHERE id = $1;

-- name: Proposals
-- One by its id, or those that wait for a second person, oldest first.
SELECT id, kind, transaction_id, talent_id, number, review, through, operator, phone_sealed, name, amount, maker, reason, made_at, ends_at,
       coalesce(checker, ''), checked_at, coalesce(verdict, '')
  FROM proposals
 WHERE CASE WHEN $1::uuid IS NOT NULL THEN id = $1 ELSE verdict IS NULL AND ends_at > now() END
 ORDER BY made_at
 LIMIT $2;

-- name: WriteAudit
INSERT INTO audit (id, transaction_id, proposal_id, at, kind, who, role, address, subject, reason, before, after)
VALUES ($1, $2, $3, now(), $4, $5, $6, $7, $8, $9, $10, $11);

-- name: ReadAudit
-- The latest first: ids are in the order of time.
SELECT id, transaction_id, proposal_id, at, kind, who, role, address, subject, reason, before, after
  FROM audit
 WHERE ($1::uuid IS NULL OR transaction_id = $1)
   AND ($2::uuid IS NULL OR id < $2)
 ORDER BY id DESC
 LIMIT $3;
