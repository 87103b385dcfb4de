-- What is gone from AWS, or seems to be.

-- A resource that is known of a user and that AWS does not show, and since when: it is believed gone only after a while.
-- The row goes when the resource is seen again, or another takes its place.
create table missing_resources (
    user_id uuid not null references users (id) on delete cascade,
    kind    resource_kind not null,
    arn     text not null,
    since   timestamptz not null default now(),
    primary key (user_id, kind)
);

-- abandoned: a person let go of its account without AWS; unowned: a sweep found it with our tag and without an account.
create type orphan_reason as enum ('abandoned', 'unowned');

-- What is, or may be, in AWS with our tag and belongs to no account: for people to see and to clean up.
create table orphans (
    id                uuid primary key default gen_random_uuid(),
    kind              resource_kind not null,
    -- Null where only an attempt is known: its outcome is not.
    arn               text constraint orphans_arn_key unique,
    attempt           uuid,
    -- What its tags, or the rows of its user, say. The user's own row may be gone.
    user_id           uuid,
    account_namespace text,
    account_name      text,
    username          text,
    reason            orphan_reason not null,
    first_seen        timestamptz not null default now(),
    -- Since when sweeps find it no more: it is not in AWS, or has an account again. After the grace the row goes.
    unseen_since      timestamptz,
    check (arn is not null or attempt is not null)
);

create unique index orphans_attempt_key on orphans (attempt) where arn is null;
