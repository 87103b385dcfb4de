-- Users and their three resources, and the journal of attempts to create them.
-- The one-to-one of user, channel, chat room and stage holds by constraint. No stream key and no password in clear is kept here.

create table users (
    id                uuid primary key default gen_random_uuid(),
    username          text not null check (username ~ '^[a-zA-Z0-9_-]{1,128}$'),
    -- Argon2id in PHC string form; null for a user who came by kubectl and not by the registration page.
    password_hash     text,
    -- The StreamerAccount that holds this user: nobody else's object gains the user's resources.
    account_namespace text not null,
    account_name      text not null,
    -- The account was deleted with the policy Retain: its resources are nobody's orphans.
    retained          boolean not null default false,
    created_at        timestamptz not null default now()
);

-- Unique without regard to case: Todd and todd are one person.
create unique index users_username_key on users (lower(username));

create table channels (
    user_id         uuid not null constraint channels_user_key unique references users (id) on delete cascade,
    name            text not null,
    arn             text not null constraint channels_arn_key unique,
    ingest_endpoint text not null,
    playback_url    text not null,
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
    is_live    boolean not null default false,
    created_at timestamptz not null default now()
);

create type resource_kind as enum ('channel', 'chat_room', 'stage');

-- open: the call may be under way, or its outcome is unknown; recorded: its result stands in the kind's table;
-- failed: AWS said that nothing was made; given_up: somebody else looked after the deadline and took over.
create type attempt_state as enum ('open', 'recorded', 'failed', 'given_up');

-- One row for each try to create one resource, written before the call. The nonce is also a tag on the resource.
create table attempts (
    nonce      uuid primary key default gen_random_uuid(),
    user_id    uuid not null references users (id) on delete cascade,
    kind       resource_kind not null,
    state      attempt_state not null default 'open',
    started_at timestamptz not null default now(),
    -- By this time (the database's clock) the call has ended, whatever became of it.
    deadline   timestamptz not null
);

-- Of all who want to create a user's resource, one may at a time.
create unique index attempts_one_open on attempts (user_id, kind) where state = 'open';
create index attempts_user on attempts (user_id, kind);
