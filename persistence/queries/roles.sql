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
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('fsync'),
       current_setting('synchronous_commit'), current_setting('full_page_writes'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
       coalesce((SELECT pg_has_role(session_user, r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = $1), false)
       OR EXISTS (SELECT 1 FROM pg_class c
                   WHERE c.oid IN (to_regclass('public.postings'), to_regclass('public.journals'), to_regclass('public.audit'))
                     AND pg_has_role(session_user, c.relowner, 'MEMBER')),
       to_regrole($2) IS NOT NULL;
