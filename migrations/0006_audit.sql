-- Who did what on the registration page, when and from where. Rows are added and stay; only the address is forgotten in time.

create type audit_event as enum (
    -- A user came by the page; written in the user's own transaction.
    'registered',
    -- The same person registered again, and proved the password.
    'returned',
    -- Somebody wanted a username that is not to be had, or did not know its password.
    'registration_refused',
    -- The name went to an account that is not of the page, or there was no room: the user's row was taken back.
    'registration_taken_back',
    -- The password was proved, and a session began; written in the session's own statement.
    'signed_in',
    'sign_in_failed',
    'signed_out',
    'stream_key_shown',
    -- The password, asked for once more before the deletion or another password, was wrong.
    'password_refused',
    -- The password was proved once more; another one takes its place, and all sessions end.
    'password_changed',
    -- The password was proved once more; from here on the account is being deleted.
    'deletion_asked'
);

create table audit_log (
    id       bigint generated always as identity primary key,
    at       timestamptz not null default clock_timestamp(),
    event    audit_event not null,
    -- No reference: the row outlives the user. Null where nobody has the name: what was typed there may be a password.
    user_id  uuid,
    username text,
    -- Null once it is forgotten.
    address  inet
);

create index audit_log_user on audit_log (user_id, at);
create index audit_log_addresses on audit_log (at) where address is not null;

-- Not even the owner of the table changes a row, but for forgetting its address. Whoever must, has to switch this off first.
create function audit_log_only_grows() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'UPDATE' then
        if new.address is null
            and (new.id, new.at, new.event, new.user_id, new.username)
                is not distinct from (old.id, old.at, old.event, old.user_id, old.username)
        then
            return new;
        end if;
    end if;
    raise exception 'audit_log only grows' using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_log_only_grows before update or delete on audit_log
    for each row execute function audit_log_only_grows();
create trigger audit_log_is_not_emptied before truncate on audit_log
    for each statement execute function audit_log_only_grows();

-- Forgets the addresses that are older; how many. With the rights of the owner, so that nobody else needs any on the rows (names are
-- bound here, not where it is called); never those of the last hour, so that who may call it cannot cover a track that is still warm.
create function forget_addresses(keep interval) returns bigint language sql security definer
begin atomic
    with forgotten as (
        update audit_log set address = null
        where address is not null and at < now() - greatest(keep, interval '1 hour')
        returning id
    )
    select count(*) from forgotten;
end;

revoke execute on function forget_addresses(interval) from public;
