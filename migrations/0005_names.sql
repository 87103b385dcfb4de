-- Usernames that look alike are one, and an account can be unwanted before it is made.

-- What makes two usernames the same: case does not count, nor whether it is - or _. src/api/name.rs says it in Rust.
create function username_key(username text) returns text
    language sql immutable strict parallel safe
    as $$ select lower(replace(username, '_', '-')) $$;

-- Of two users who look alike already one has to go first: this names them.
drop index users_username_key;
create unique index users_username_key on users (username_key(username));

-- These are kept as keys from here on.
with former as (delete from former_usernames returning username, freed_at)
insert into former_usernames (username, freed_at)
select username_key(username), max(freed_at) from former group by username_key(username);

-- The person has asked for the account's deletion: it is to go, made or not, and the user with it.
alter table registrations add unwanted boolean not null default false;
