-- Usernames are compared alike in every database, and the registration page's role changes only users that it has
-- registered.


-- Usernames -------------------------------------------------------------------------------------------------

-- The rules of the database's locale do not apply: in Turkish, the lower case of I is a dotless ı. username_key in
-- src/api/name.rs does the same. The body is parsed here, so the caller's search_path has no effect.
create or replace function username_key(username text) returns text
    language sql immutable strict parallel safe
    return lower(replace(username, '_', '-') collate "C");

-- It has the keys that the earlier function returned.
reindex index users_username_key;

with corrected as (
    delete from username_tombstones where username like '%ı%' returning username, deleted_at
)
insert into username_tombstones (username, deleted_at)
select replace(username, 'ı', 'i'), max(deleted_at) from corrected group by 1
on conflict (username) do update set deleted_at = greatest(username_tombstones.deleted_at, excluded.deleted_at);


-- Functions for the registration page -----------------------------------------------------------------------

-- Like those in 0001_schema.sql, they run with the privileges of the owner. A user whose account was created with
-- kubectl has no password hash, and gets no password, no session and no registration through them.

-- Adds a user with a registration, which is leased to the caller, and the row of the audit log. Returns the id, or
-- null if a user has the username.
create function add_registrant(
    username text, password_hash text, account_namespace text, account_name text, idempotency_key bytea, address inet
) returns uuid language sql security definer
begin atomic
    with added as (
        insert into users (username, password_hash, account_namespace, account_name)
        select add_registrant.username, add_registrant.password_hash, add_registrant.account_namespace,
               add_registrant.account_name
        where add_registrant.password_hash is not null
        on conflict (username_key(username)) do nothing
        returning id, username
    ), registration as (
        insert into registrations (user_id, idempotency_key, due_at)
        select id, add_registrant.idempotency_key, now() + interval '15 seconds' from added
    ), logged as (
        insert into audit_log (event, user_id, username, address)
        select 'registered', id, added.username, add_registrant.address from added
    )
    select id from added;
end;

-- Leases the registration of a user. Returns the fencing token, or null if the user does not exist, has no password,
-- or has requested the account's deletion.
create function lease_registration(registrant uuid) returns bigint language sql security definer
begin atomic
    insert into registrations as r (user_id, due_at)
    select id, now() + interval '15 seconds' from users where id = registrant and registered
    on conflict (user_id) do update
    set fencing_token = r.fencing_token + 1, completed_at = null, due_at = excluded.due_at
    where not r.delete_requested
    returning fencing_token;
end;

-- Replaces the password hash of a user, unless it has changed since. Returns true if it did.
create function replace_password_hash(registrant uuid, proved text, replacement text) returns boolean
    language sql strict security definer
begin atomic
    with replaced as (
        update users set password_hash = replacement where id = registrant and password_hash = proved returning id
    )
    select count(*) = 1 from replaced;
end;

-- Begins a session, together with its row in the audit log, unless the password hash has changed since. Returns true
-- if it did.
create function begin_session(registrant uuid, proved text, token bytea, lasts interval, address inet) returns boolean
    language sql security definer
begin atomic
    -- The lock prevents a concurrent change of the password.
    with proved_user as (
        select id, username from users where id = registrant and password_hash = proved for share
    ), begun as (
        insert into sessions (token_hash, user_id, expires_at)
        select token, id, now() + lasts from proved_user
        returning user_id
    ), logged as (
        insert into audit_log (event, user_id, username, address)
        select 'signed_in', id, username, begin_session.address from begun join proved_user on id = user_id
        returning id
    )
    select count(*) = 1 from logged;
end;

revoke execute on function add_registrant(text, text, text, text, bytea, inet) from public;
revoke execute on function lease_registration(uuid) from public;
revoke execute on function replace_password_hash(uuid, text, text) from public;
revoke execute on function begin_session(uuid, text, bytea, interval, inet) from public;
