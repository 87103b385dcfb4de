-- The schema. A released migration is never changed: later changes go into new files. Privileges are in
-- grants.sql, which `streamcat-operator migrate` runs after the migrations, each time. No stream key and no
-- cleartext password is stored here.


-- Types and functions ---------------------------------------------------------------------------------------

create type resource_kind as enum ('channel', 'chat_room', 'stage');

create type attempt_state as enum (
    -- The call may be in progress, or its outcome is unknown.
    'open',
    -- The result is stored in the table of the resource's kind.
    'recorded',
    -- AWS reported that it created nothing.
    'failed',
    -- Another reconcile checked after the deadline and took over.
    'given_up'
);

create type orphan_reason as enum (
    -- A person abandoned the account: the operator no longer manages what is left in AWS.
    'abandoned',
    -- A resync found the resource with the installation's tag, but no account owns it.
    'unowned',
    -- A second resource of a user that the operator may not delete.
    'duplicate'
);

create type audit_event as enum (
    -- A user registered on the page. Written in the transaction that creates the user.
    'registered',
    -- The same person registered again and entered the correct password.
    'returned',
    -- The username is not available, or the password is not the user's.
    'registration_refused',
    -- The account could not be created, because another account has its name or the quota is used up. The
    -- user was deleted.
    'registration_rolled_back',
    -- The password was correct, and a session began. Written in the statement that creates the session.
    'signed_in',
    'sign_in_failed',
    'signed_out',
    'stream_key_shown',
    -- The password was wrong when it was asked for again, before a deletion or a password change.
    'password_refused',
    -- The password was entered again and changed. All sessions of the user ended.
    'password_changed',
    -- The password was entered again. From here on, the account is being deleted.
    'deletion_requested'
);

-- Comparison key of a username: case is ignored, and _ equals -. username_key in src/api/name.rs does the
-- same.
create function username_key(username text) returns text
    language sql immutable strict parallel safe
    as $$ select lower(replace(username, '_', '-')) $$;


-- Users -----------------------------------------------------------------------------------------------------

-- One row per user. A user outlives the Kubernetes object: a restored cluster brings new object UIDs, but no
-- new users.
create table users (
    id                uuid primary key default gen_random_uuid(),
    username          text not null check (username ~ '^[a-zA-Z0-9_-]{1,128}$'),
    -- Argon2id in PHC string form. Null for a user whose account was created with kubectl.
    password_hash     text,
    -- True if there is a password hash. For roles that may not read the hash itself.
    registered        boolean not null generated always as (password_hash is not null) stored,
    -- The StreamerAccount that owns the user. No other account gets the user's resources.
    account_namespace text not null,
    account_name      text not null,
    -- UID of the owning object. Null until an object owns the user: a registration precedes its object.
    account_uid       text,
    -- Cluster of the owning object, as in clusters. Null for a registration that has no object yet.
    account_cluster   text,
    -- The user's resources are being deleted, or were retained: no resource is created for the user.
    deleting          boolean not null default false,
    -- The account was deleted with deletionPolicy Retain: its resources are not orphans.
    retained          boolean not null default false,
    created_at        timestamptz not null default now()
);

-- Usernames are unique by their key: Todd and todd are the same person.
create unique index users_username_key on users (username_key(username));
-- An object owns at most one user.
create unique index users_account_uid on users (account_uid);

-- Deleted users with the UIDs of their objects. Neither the id nor the UID ever owns anything again, and a
-- resource that a late call creates for such a user is deleted. Rows are kept for 30 days, far longer than a
-- call or a stale cache can last.
create table user_tombstones (
    id             uuid not null,
    account_uid    text not null,
    -- The user was abandoned or retained: its resources in AWS stay.
    resources_kept boolean not null default false,
    deleted_at     timestamptz not null default now(),
    -- A later object can own an abandoned user again, and be deleted as well.
    primary key (id, account_uid)
);

create index user_tombstones_account_uid on user_tombstones (account_uid);
create index user_tombstones_deleted_at on user_tombstones (deleted_at);

-- Usernames of deleted accounts, as username_key returns them. The registration page can delay their reuse.
-- Rows are kept for a year.
create table username_tombstones (
    username   text primary key,
    deleted_at timestamptz not null default now()
);


-- Resources -------------------------------------------------------------------------------------------------

-- Each kind has its own table, because the application shows different attributes of each. Constraints ensure
-- that a user has at most one resource of each kind, and that a resource belongs to one user.

create table channels (
    user_id         uuid not null constraint channels_user_key unique references users (id) on delete cascade,
    name            text not null,
    arn             text not null constraint channels_arn_key unique,
    ingest_endpoint text not null,
    playback_url    text not null,
    -- title and is_live belong to the application. The operator does not write them.
    title           text,
    is_live         boolean not null default false,
    created_at      timestamptz not null default now()
);

create table chat_rooms (
    user_id    uuid not null constraint chat_rooms_user_key unique references users (id) on delete cascade,
    name       text not null,
    arn        text not null constraint chat_rooms_arn_key unique,
    endpoint   text not null,
    created_at timestamptz not null default now()
);

create table stages (
    user_id    uuid not null constraint stages_user_key unique references users (id) on delete cascade,
    name       text not null,
    arn        text not null constraint stages_arn_key unique,
    -- Belongs to the application. The operator does not write it.
    is_live    boolean not null default false,
    created_at timestamptz not null default now()
);

-- The recorded resources of all users, whatever their kind.
create view resources as
select user_id, 'channel'::resource_kind as kind, arn, created_at from channels
union all
select user_id, 'chat_room', arn, created_at from chat_rooms
union all
select user_id, 'stage', arn, created_at from stages;

-- Journal of create calls: one row per attempt to create a resource, written before the call. The nonce is
-- also a tag of the resource.
create table create_attempts (
    nonce      uuid primary key default gen_random_uuid(),
    user_id    uuid not null references users (id) on delete cascade,
    kind       resource_kind not null,
    state      attempt_state not null default 'open',
    started_at timestamptz not null default now(),
    -- The call has ended by this time (database clock), whatever its outcome.
    deadline   timestamptz not null
);

-- At most one attempt per user and kind is open.
create unique index create_attempts_one_open on create_attempts (user_id, kind) where state = 'open';
create index create_attempts_user on create_attempts (user_id, kind);

-- Updates of settings or tags that are not verified yet. AWS has no conditional updates: of two updates, the
-- earlier one can take effect later. So an update is recorded before it is sent, and verified once no earlier
-- update can still take effect.
create table pending_updates (
    user_id  uuid not null references users (id) on delete cascade,
    kind     resource_kind not null,
    -- Identifies the latest update.
    nonce    uuid not null unique default gen_random_uuid(),
    -- All calls of the update have ended by this time (database clock), whatever their outcome.
    deadline timestamptz not null,
    -- Number of consecutive verifications that found the update reverted.
    repeats  integer not null default 0 check (repeats >= 0),
    primary key (user_id, kind)
);

-- Resources that AWS does not list, or that the operator has asked AWS to delete. A row is deleted when the
-- resource is listed again or another one replaces it. The key has the ARN, because the database and a status
-- can name different ones.
create table missing_resources (
    user_id            uuid not null references users (id) on delete cascade,
    kind               resource_kind not null,
    arn                text not null,
    -- Start times of the first and the latest complete list without the resource. Null while every list has
    -- it.
    unlisted_since     timestamptz,
    unlisted_until     timestamptz,
    -- The operator has asked AWS to delete the resource, which explains its absence.
    deletion_requested boolean not null default false,
    primary key (user_id, kind, arn)
);

-- ARNs that were recorded for a user until another ARN replaced them. If the earliest one shows up again, it
-- is the one to keep.
create table former_resources (
    user_id       uuid not null references users (id) on delete cascade,
    kind          resource_kind not null,
    arn           text not null,
    recorded_at   timestamptz not null,
    replaced_at   timestamptz not null default now(),
    -- Start time of the first list without the resource. Null if it was not replaced for being missing.
    missing_since timestamptz,
    primary key (user_id, kind, arn)
);

create index former_resources_missing on former_resources (replaced_at) where missing_since is not null;

-- Latest release of the brake for each kind: a person confirmed that everything missing by then is gone.
create table brake_releases (
    kind        resource_kind primary key,
    released_at timestamptz not null default now()
);

-- Resources that exist, or may exist, in AWS with the installation's tag, but belong to no account. For
-- people to review and delete.
create table orphans (
    id                uuid primary key default gen_random_uuid(),
    kind              resource_kind not null,
    -- Null if only an attempt of unknown outcome is known.
    arn               text constraint orphans_arn_key unique,
    attempt           uuid,
    -- The former owner, from the resource's tags or from the database. The user may no longer exist.
    user_id           uuid,
    account_namespace text,
    account_name      text,
    username          text,
    reason            orphan_reason not null,
    first_seen        timestamptz not null default now(),
    -- Time of the first resync that did not find it: it is no longer in AWS, or an account owns it again.
    -- Null while it is found.
    unseen_since      timestamptz,
    check (arn is not null or attempt is not null)
);

create unique index orphans_attempt_key on orphans (attempt) where arn is null;


-- Installation ----------------------------------------------------------------------------------------------

-- The installation id that the database was first used with. It outlives the cluster that the default id
-- comes from.
create table installation (
    singleton boolean primary key default true check (singleton),
    id        text not null
);

-- Kubernetes clusters whose controllers have worked on this database, by the UID of their namespace
-- kube-system. The active cluster renews its row. Another cluster takes over only after the row has expired
-- (--cluster-takeover-after).
create table clusters (
    id         text primary key,
    seen_at    timestamptz not null default now(),
    -- The cluster counts as active until then, by its own setting, whatever the setting of another cluster
    -- is.
    expires_at timestamptz
);


-- Registration page -----------------------------------------------------------------------------------------

-- Users of the registration page whose account is to be created or deleted. A row is written with the user's
-- own. The account is created at once, or later by whichever process finds the row due.
create table registrations (
    user_id          uuid primary key references users (id) on delete cascade,
    -- SHA-256 of the request's Idempotency-Key.
    idempotency_key  bytea constraint registrations_idempotency_key unique,
    -- Time at which the account was seen. Null while work is left to do.
    completed_at     timestamptz,
    -- Incremented by each process that leases the row. Only the latest one can complete it or roll it back.
    fencing_token    bigint not null default 1,
    -- The process that leased the row has finished or died by this time (database clock).
    due_at           timestamptz not null,
    -- The person asked for the account's deletion: the account, if it was created, and the user are to be
    -- deleted.
    delete_requested boolean not null default false
);

create index registrations_due on registrations (due_at) where completed_at is null;

-- Sessions of signed-in users. The token itself is only in the browser's cookie.
create table sessions (
    -- SHA-256 of the token.
    token_hash bytea primary key,
    user_id    uuid not null references users (id) on delete cascade,
    expires_at timestamptz not null
);

create index sessions_user on sessions (user_id);
create index sessions_expires_at on sessions (expires_at);


-- Audit log -------------------------------------------------------------------------------------------------

-- Actions on the registration page: who, what, when and from which IP address. Rows are only added. Only the
-- address is erased, after the retention time.
create table audit_log (
    id       bigint generated always as identity primary key,
    at       timestamptz not null default clock_timestamp(),
    event    audit_event not null,
    -- No foreign key: the row outlives the user. Null if no user has the username, since what was typed may
    -- be a password.
    user_id  uuid,
    username text,
    -- Null once it is erased.
    address  inet
);

create index audit_log_user on audit_log (user_id, at);
create index audit_log_addresses on audit_log (at) where address is not null;
-- Serves next_try: the addresses at which a user has entered the correct password.
create index audit_log_known_addresses on audit_log (user_id)
    where event in ('registered', 'returned', 'signed_in') and address is not null;

-- Not even the owner of the table can change a row, except to erase its address. To do so anyway, disable the
-- trigger first.
create function audit_log_append_only() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'UPDATE' then
        if new.address is null
            and (new.id, new.at, new.event, new.user_id, new.username)
                is not distinct from (old.id, old.at, old.event, old.user_id, old.username)
        then
            return new;
        end if;
    end if;
    raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_log_append_only before update or delete on audit_log
    for each row execute function audit_log_append_only();
create trigger audit_log_no_truncate before truncate on audit_log
    for each statement execute function audit_log_append_only();


-- Functions for the registration page -----------------------------------------------------------------------

-- The functions run with the privileges of the owner, so that the page itself needs fewer. Their bodies are parsed
-- here, so the caller's search_path has no effect.

-- Erases the addresses that are older than keep, and returns their number. Addresses of the last hour stay,
-- so that a caller cannot cover fresh tracks.
create function forget_addresses(keep interval) returns bigint language sql security definer
begin atomic
    with forgotten as (
        update audit_log set address = null
        where address is not null and at < now() - greatest(keep, interval '1 hour')
        returning id
    )
    select count(*) from forgotten;
end;

-- Returns the time from which the password of a user can be tried again, or null if it can be tried now.
-- Within an hour, the given number of failures is allowed from addresses at which the user has entered the
-- correct password, and to a signed-in user (a null address). Any other address gets half of them, so that
-- strangers cannot lock the user out.
create function next_try(tried uuid, stranger inet, most bigint) returns timestamptz language sql stable security definer
begin atomic
    select at + interval '1 hour' from audit_log
    where user_id = tried
        and at > now() - interval '1 hour'
        and event in ('sign_in_failed', 'registration_refused', 'password_refused')
    order by at desc
    limit 1 offset (
        select case
            when stranger is null then most
            when exists (
                select from audit_log
                where user_id = tried
                    and event in ('registered', 'returned', 'signed_in')
                    -- An IPv6 household has a /64.
                    and address <<= network(set_masklen(stranger, case family(stranger) when 6 then 64 else 32 end))
                    -- Lets the planner use audit_log_known_addresses.
                    and address is not null
            ) then most
            else greatest(most / 2, 1)
        end - 1
    );
end;

-- Deletes a user who never had an account, unless another process has leased the registration since. Returns
-- true if it did.
create function rollback_registration(registrant uuid, token bigint) returns boolean language sql security definer
begin atomic
    with deleted as (
        delete from users using registrations
        where id = registrant and user_id = id and fencing_token = token and completed_at is null and account_uid is null
        returning id, username
    ), logged as (
        insert into audit_log (event, user_id, username)
        select 'registration_rolled_back', id, username from deleted
        returning id
    )
    select count(*) = 1 from logged;
end;

revoke execute on function forget_addresses(interval) from public;
revoke execute on function next_try(uuid, inet, bigint) from public;
revoke execute on function rollback_registration(uuid, bigint) from public;
