-- What the registration page remembers of those who came by it.

-- One row for each of its users, written with the user's own: that the account object is to be made. It is made from this at
-- once, or later by whichever process finds it due.
create table registrations (
    user_id         uuid primary key references users (id) on delete cascade,
    -- SHA-256 of the Idempotency-Key that the request carried.
    idempotency_key bytea constraint registrations_idempotency_key unique,
    -- Since when there is nothing to do: the account was seen. Null while it is to be made.
    settled_at      timestamptz,
    -- Counts who took it up: only who did so last settles it, or takes the user back.
    turn            bigint not null default 1,
    -- By this time (the database's clock) whoever took it up is through with it, or has died.
    due_at          timestamptz not null
);

create index registrations_due on registrations (due_at) where settled_at is null;

insert into registrations (user_id, settled_at, due_at)
select id, now(), now() from users where password_hash is not null;

-- Usernames, in lower case, of accounts that were deleted: the page can hold them back for a while.
create table former_usernames (
    username text primary key,
    freed_at timestamptz not null default now()
);

-- Who is signed in. The token itself is in the browser's cookie only.
create table sessions (
    -- SHA-256 of the token.
    token_hash bytea primary key,
    user_id    uuid not null references users (id) on delete cascade,
    expires_at timestamptz not null
);

create index sessions_user on sessions (user_id);
create index sessions_expires_at on sessions (expires_at);
