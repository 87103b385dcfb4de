-- Privileges of the two programs: one role for each, which the program's own login role is a member of.
-- `streamcat-operator migrate` runs this file after the migrations, each time, so it can be run repeatedly.
-- It has to be run by the owner of the tables.

-- Creates the roles if they are missing. Roles belong to the whole server: another database's migration can
-- create them concurrently.
do $$
declare
    missing text;
begin
    foreach missing in array array['streamcat_controller', 'streamcat_registration'] loop
        continue when exists (select from pg_roles where rolname = missing);
        begin
            execute format('create role %I nologin', missing);
        exception
            when duplicate_object or unique_violation then
                null;
            when insufficient_privilege then
                raise notice 'the role % is missing, and this role may not create it: as administrator, run create role % nologin; then run streamcat-operator migrate again', missing, missing;
        end;
    end loop;
end
$$;

-- Grants each role that exists the privileges that its program needs in this schema, and nothing else.
do $$
begin
    if exists (select from pg_roles where rolname = 'streamcat_controller') then
        execute format('grant usage on schema %I to streamcat_controller', current_schema());
        grant select on _sqlx_migrations, schema_compatibility to streamcat_controller;
        -- Every column but password_hash.
        grant select (id, username, account_namespace, account_name, account_uid, account_cluster, deleting, deletion_tried_at, retained, registered, created_at),
              insert (id, username, account_namespace, account_name, account_uid, account_cluster),
              update (account_uid, account_cluster, deleting, deletion_tried_at, retained),
              delete
            on users to streamcat_controller;
        grant select, insert, delete on user_tombstones to streamcat_controller;
        grant select, insert, update, delete on username_tombstones to streamcat_controller;
        grant select,
              insert (user_id, name, arn, ingest_endpoint, playback_url),
              update (name, arn, ingest_endpoint, playback_url, created_at)
            on channels to streamcat_controller;
        grant select, insert (user_id, name, arn, endpoint), update (name, arn, endpoint, created_at)
            on chat_rooms to streamcat_controller;
        grant select,
              insert (user_id, name, arn, events_endpoint, whip_endpoint, rtmp_endpoint, rtmps_endpoint),
              update (name, arn, events_endpoint, whip_endpoint, rtmp_endpoint, rtmps_endpoint, created_at)
            on stages to streamcat_controller;
        grant select on resources to streamcat_controller;
        grant select, insert (user_id, kind, deadline), update (state), delete on create_attempts to streamcat_controller;
        grant select, insert, update, delete
            on pending_updates, missing_resources, orphans, applied_fields to streamcat_controller;
        grant select, insert, update on former_resources, brake_releases to streamcat_controller;
        grant select, insert (user_id, kind, field, live, desired, corrected), delete on drift_history to streamcat_controller;
        grant select, insert on installation to streamcat_controller;
        grant select, insert (id, expires_at), update (seen_at, expires_at) on clusters to streamcat_controller;
        grant execute on function claim_username(uuid, text, text, text, text, text, double precision) to streamcat_controller;
        grant select, insert, update on renewal_tokens to streamcat_controller;
        grant execute on function check_renewal_tokens(uuid[]) to streamcat_controller;
        grant execute on function claim_username(uuid, text, text, text, text, text, double precision, uuid, boolean) to streamcat_controller;
        grant execute on function open_attempts(uuid[], resource_kind[], text[], double precision[], uuid[]) to streamcat_controller;
        grant execute on function open_attempts(uuid[], resource_kind[], text[], double precision[], uuid[], jsonb[]) to streamcat_controller;
        grant execute on function begin_update(uuid, resource_kind, double precision, integer, text[]) to streamcat_controller;
        grant execute on function add_applied_fields(uuid, resource_kind, text[]) to streamcat_controller;
        grant execute on function replace_applied_fields(uuid, resource_kind, text[], text[]) to streamcat_controller;
        grant execute on function add_drift(uuid, resource_kind, text[], text[], text[], boolean) to streamcat_controller;
        grant execute on function limit_lock_waits(integer) to streamcat_controller;
        grant execute on function open_attempts(uuid[], resource_kind[], text[], double precision[]) to streamcat_controller;
        grant execute on function write_resource(uuid, resource_kind, text, text, jsonb) to streamcat_controller;
        grant execute on function record_created(uuid[], uuid[], resource_kind[], text[], text[], jsonb[]) to streamcat_controller;
        grant execute on function record_found(uuid, resource_kind, text, uuid, text, text, jsonb) to streamcat_controller;
    end if;
    if exists (select from pg_roles where rolname = 'streamcat_registration') then
        execute format('grant usage on schema %I to streamcat_registration', current_schema());
        grant select on _sqlx_migrations, schema_compatibility to streamcat_registration;
        -- Granted by earlier versions. Functions do this now, and only for users with a password.
        revoke insert, update on users, registrations from streamcat_registration;
        revoke insert on sessions from streamcat_registration;
        -- The page recognizes an account by the UID of its object, which nobody can copy or remove.
        grant select (id, username, password_hash, account_namespace, account_name, account_uid)
            on users to streamcat_registration;
        grant select on username_tombstones to streamcat_registration;
        grant select, update (completed_at, fencing_token, due_at, delete_requested)
            on registrations to streamcat_registration;
        grant select, delete on sessions to streamcat_registration;
        -- Every column but id and at: the database sets the time.
        grant insert (event, user_id, username, address) on audit_log to streamcat_registration;
        grant execute on function forget_addresses(interval) to streamcat_registration;
        grant execute on function next_try(uuid, inet, bigint) to streamcat_registration;
        grant execute on function rollback_registration(uuid, bigint) to streamcat_registration;
        grant execute on function add_registrant(text, text, text, text, bytea, inet) to streamcat_registration;
        grant execute on function lease_registration(uuid) to streamcat_registration;
        grant execute on function replace_password_hash(uuid, text, text) to streamcat_registration;
        grant execute on function begin_session(uuid, text, bytea, interval, inet) to streamcat_registration;
    end if;
end
$$;
