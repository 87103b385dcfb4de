-- Whose a user is, and since when not any more: an old object's clean-up never touches what a new one of the same name has.

-- The UID of the object that holds the user; null until one does (a registration comes before its object).
alter table users add account_uid text;

-- What the user has is being taken away, or was left behind (Retain): nothing new is created for it.
alter table users add leaving boolean not null default false;

-- Users whose everything was taken away. What a call that came too late makes for one of them is deleted; neither the id nor the
-- object's UID holds anything again. Kept for as long as a call or a stale cache could possibly last, and far longer.
create table released_users (
    id          uuid not null,
    account_uid text not null,
    -- A person let go of it: what it left in AWS is on the orphan list, and stays.
    resources_kept boolean not null default false,
    released_at timestamptz not null default now(),
    -- A user who was let go of may be taken on by a later object, and be released then.
    primary key (id, account_uid)
);

create index released_users_account_uid on released_users (account_uid);
create index released_users_released_at on released_users (released_at);
