-- name: OwnerMayMigrate
-- A schema that another account has begun goes on under that one.
SELECT (SELECT count(*) FROM pg_roles WHERE rolname = ANY($1::text[])) = cardinality($1::text[]),
       coalesce((SELECT pg_has_role(session_user, r.oid, 'MEMBER') AND has_schema_privilege(r.oid, 'public', 'CREATE')
                   FROM pg_roles r WHERE r.rolname = $2), false)
       AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = to_regclass('public.goose_db_version') AND c.relowner <> to_regrole($2));

-- name: CountRoles
SELECT count(*)
  FROM pg_roles
 WHERE rolname = ANY($1::text[]);

-- name: IsMember
SELECT to_regrole($1) IS NOT NULL,
       coalesce((SELECT pg_has_role(session_user, r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = $1), false);

-- name: ExamineServer
-- A role that an account is a member of is one that it may become, inherited or not.
WITH may_become AS (
    SELECT rolname, rolsuper, rolcreaterole, rolreplication FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')
)
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('fsync'),
       current_setting('synchronous_commit'), current_setting('full_page_writes'), current_setting('session_replication_role'),
       (SELECT bool_or(rolsuper) FROM may_become),
       EXISTS (SELECT 1 FROM may_become WHERE rolname = $1)
       OR EXISTS (SELECT 1 FROM pg_class c
                   WHERE c.oid IN (to_regclass('public.postings'), to_regclass('public.journals'), to_regclass('public.audit'))
                     AND pg_has_role(session_user, c.relowner, 'MEMBER')),
       (SELECT pg_has_role(session_user, datdba, 'MEMBER') FROM pg_database WHERE datname = current_database())
       OR coalesce((SELECT pg_has_role(session_user, nspowner, 'MEMBER') FROM pg_namespace WHERE nspname = 'public'), false),
       EXISTS (SELECT 1 FROM may_become WHERE rolcreaterole OR rolreplication
                   OR rolname IN ('pg_execute_server_program', 'pg_write_server_files')),
       coalesce((SELECT has_schema_privilege(session_user, oid, 'CREATE') FROM pg_namespace WHERE nspname = 'public'), false),
       to_regrole($2) IS NOT NULL, EXISTS (SELECT 1 FROM may_become WHERE rolname = $2);

-- name: ExamineRights
-- What an account may write and the role $1 may not, however it came by it; and what nobody
-- changes ($2), even when the role was given it by hand.
SELECT p.right || ' ' || c.relname
  FROM pg_class c
 CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) WITH ORDINALITY AS p ("right", place)
 WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p') AND to_regrole($1) IS NOT NULL
   AND CASE WHEN p.right IN ('INSERT', 'UPDATE') THEN EXISTS (
                 SELECT 1
                   FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND has_column_privilege(session_user, c.oid, a.attnum, p.right)
                    AND (NOT has_column_privilege(to_regrole($1), c.oid, a.attnum, p.right)
                         OR p.right = 'UPDATE' AND c.relname = ANY($2::text[])))
            ELSE has_table_privilege(session_user, c.oid, p.right)
                 AND (NOT has_table_privilege(to_regrole($1), c.oid, p.right) OR c.relname = ANY($2::text[])) END
 ORDER BY c.relname, p.place;

-- name: ExamineGuards
-- Triggers of the tables that are there which are not, or are switched off; and those of a
-- day's partition, which have its parent's names.
SELECT g.guard
  FROM unnest($1::text[]) AS g (guard)
 WHERE to_regclass('public.' || split_part(g.guard, '.', 1)) IS NOT NULL
   AND NOT EXISTS (SELECT 1
                     FROM pg_trigger t
                    WHERE t.tgrelid = to_regclass('public.' || split_part(g.guard, '.', 1))
                      AND t.tgname = split_part(g.guard, '.', 2) AND t.tgenabled IN ('O', 'A'))
 UNION
SELECT c.relname || '.' || t.tgname
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = to_regnamespace('public') AND NOT t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
 ORDER BY 1;
