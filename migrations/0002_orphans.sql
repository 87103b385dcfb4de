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
