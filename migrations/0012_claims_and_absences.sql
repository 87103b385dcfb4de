-- Claims by UID and cluster, the evidence of absences, and the brake.

-- The Kubernetes clusters whose controllers have worked on this database, each by the UID of its namespace kube-system. The one that works
-- renews its row; another takes over only when that has not happened for a while (--cluster-takeover-after).
create table clusters (
    id      text primary key,
    seen_at timestamptz not null default now(),
    -- Until then it counts as working, by its own setting, whatever another cluster's is.
    expires_at timestamptz
);

-- The cluster of the object that holds the user. Null for a registration without an object, and for rows from before this migration until
-- the first cluster comes.
alter table users add account_cluster text;

-- An object holds one user at most.
create unique index users_account_uid on users (account_uid);

-- Evidence that something is gone from AWS, what was recorded before, and the brake.

-- One row for each ARN: a record and a status may name different ones.
alter table missing_resources drop constraint missing_resources_pkey;
alter table missing_resources add primary key (user_id, kind, arn);

alter table missing_resources
    drop column since,
    -- When the first complete list without it began, and the latest one; null where every list shows it.
    add unlisted_since  timestamptz,
    add unlisted_until  timestamptz,
    -- We have asked AWS to delete it: that it is not shown explains itself.
    add deletion_requested boolean not null default false;

delete from missing_resources;

-- ARNs that were recorded of a user until another took their place. The one recorded first is kept where it shows again.
create table former_resources (
    user_id       uuid not null references users (id) on delete cascade,
    kind          resource_kind not null,
    arn           text not null,
    recorded_at   timestamptz not null,
    replaced_at   timestamptz not null default now(),
    -- When the first list without it began, where it was replaced for being missing.
    missing_since timestamptz,
    primary key (user_id, kind, arn)
);

create index former_resources_missing on former_resources (replaced_at) where missing_since is not null;

-- A person has said that what was missing until then is gone.
create table brake_releases (
    kind        resource_kind primary key,
    released_at timestamptz not null default now()
);

-- duplicate: a second resource of a user that the operator may not delete.
alter type orphan_reason add value 'duplicate';

-- Gives each of the two roles, if it is there, what its program needs of this schema, and nothing else. It may be called again
-- at any time by the owner of the tables.
create or replace function grant_rights() returns void language plpgsql set search_path from current as $$
begin
    if exists (select from pg_roles where rolname = 'streamcat_controller') then
        execute format('grant usage on schema %I to streamcat_controller', current_schema());
        grant select on _sqlx_migrations to streamcat_controller;
        -- All but password_hash.
        grant select (id, username, account_namespace, account_name, account_uid, account_cluster, leaving, retained, registered, created_at),
              insert (id, username, account_namespace, account_name, account_uid, account_cluster),
              update (account_uid, account_cluster, leaving, retained),
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
        grant select, insert (id, expires_at), update (seen_at, expires_at) on clusters to streamcat_controller;
        grant select, insert, update on former_resources, brake_releases to streamcat_controller;
        grant select, insert, delete on released_users to streamcat_controller;
        grant select, insert, update, delete on former_usernames to streamcat_controller;
    end if;
    if exists (select from pg_roles where rolname = 'streamcat_registration') then
        execute format('grant usage on schema %I to streamcat_registration', current_schema());
        grant select on _sqlx_migrations to streamcat_registration;
        -- An account is known by the UID of its object, which nobody can copy or drop.
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
