-- What each program may do here: a role for each, of which the role that it signs in with is a member.

-- Whether a user came by the page, for who may not read the hash itself.
alter table users add registered boolean not null generated always as (password_hash is not null) stored;

-- Takes back a user who never had an account, unless somebody has taken the making of it up since; whether it did. With the rights
-- of the owner (names are bound here, not where it is called), so that the page need not be able to delete any other.
create function take_back_registration(registrant uuid, its_turn bigint) returns boolean language sql security definer
begin atomic
    with gone as (
        delete from users using registrations
        where id = registrant and user_id = id and turn = its_turn and settled_at is null and account_uid is null
        returning id, username
    ), noted as (
        insert into audit_log (event, user_id, username)
        select 'registration_taken_back', id, username from gone
        returning id
    )
    select count(*) = 1 from noted;
end;

revoke execute on function take_back_registration(uuid, bigint) from public;

-- Roles belong to the whole server: another database's migration may make them at the same time.
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
                raise notice 'the role % is missing, and this role may not make it: as administrator, create role % nologin; then, as the owner of the tables, select grant_rights()', missing, missing;
        end;
    end loop;
end
$$;

-- Gives each of the two roles, if it is there, what its program needs of this schema, and nothing else. It may be called again
-- at any time by the owner of the tables.
create function grant_rights() returns void language plpgsql set search_path from current as $$
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
        grant select, insert, update, delete on missing_resources, orphans to streamcat_controller;
        grant select on resources to streamcat_controller;
        grant select, insert on installation to streamcat_controller;
        grant select, insert, delete on released_users to streamcat_controller;
        grant select, insert, update, delete on former_usernames to streamcat_controller;
    end if;
    if exists (select from pg_roles where rolname = 'streamcat_registration') then
        execute format('grant usage on schema %I to streamcat_registration', current_schema());
        grant select on _sqlx_migrations to streamcat_registration;
        grant select (id, username, password_hash, account_namespace, account_name),
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
    end if;
end
$$;

revoke execute on function grant_rights() from public;

select grant_rights();
