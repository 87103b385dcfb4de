-- The registration knows an account by the UID of its object, which nobody can copy or drop, and not by its annotation alone.

-- Gives each of the two roles, if it is there, what its program needs of this schema, and nothing else. It may be called again
-- at any time by the owner of the tables.
create or replace function grant_rights() returns void language plpgsql set search_path from current as $$
begin
    if exists (select from pg_roles where rolname = 'streamcat_controller') then
        execute format('grant usage on schema %I to streamcat_controller', current_schema());
        grant select on _sqlx_migrations to streamcat_controller;
        -- All but password_hash.
        grant select (id, username, account_namespace, account_name, account_uid, leaving, retained, registered, created_at),
              insert (id, username, account_namespace, account_name, account_uid),
              update (account_uid, leaving, retained),
              delete
            on users to streamcat_controller;
        grant select,
              insert (user_id, name, arn, ingest_endpoint, playback_url),
              update (name, arn, ingest_endpoint, playback_url, created_at)
            on channels to streamcat_controller;
        grant select, insert (user_id, name, arn, endpoint), update (name, arn, endpoint, created_at)
            on chat_rooms to streamcat_controller;
        grant select, insert (user_id, name, arn), update (name, arn, created_at)
            on stages to streamcat_controller;
        grant select, insert (user_id, kind, deadline), update (state) on attempts to streamcat_controller;
        grant select, insert, update, delete on missing_resources, edits, orphans to streamcat_controller;
        grant select on resources to streamcat_controller;
        grant select, insert on installation to streamcat_controller;
        grant select, insert, delete on released_users to streamcat_controller;
        grant select, insert, update, delete on former_usernames to streamcat_controller;
    end if;
    if exists (select from pg_roles where rolname = 'streamcat_registration') then
        execute format('grant usage on schema %I to streamcat_registration', current_schema());
        grant select on _sqlx_migrations to streamcat_registration;
        grant select (id, username, password_hash, account_namespace, account_name, account_uid),
              insert (username, password_hash, account_namespace, account_name),
              update (password_hash)
            on users to streamcat_registration;
        grant execute on function take_back_registration(uuid, bigint) to streamcat_registration;
        grant select, insert, update on registrations to streamcat_registration;
        grant select, insert, delete on sessions to streamcat_registration;
        grant select on former_usernames to streamcat_registration;
        -- The time is the database's own.
        grant insert (event, user_id, username, address) on audit_log to streamcat_registration;
        grant execute on function forget_addresses(interval) to streamcat_registration;
        grant execute on function next_try(uuid, inet, bigint) to streamcat_registration;
    end if;
end
$$;

select grant_rights();
