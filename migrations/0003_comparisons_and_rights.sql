-- Usernames are compared alike in every database, and the registration page's role changes only users that it has
-- registered.


-- Usernames -------------------------------------------------------------------------------------------------

-- The rules of the database's locale do not apply: in Turkish, the lower case of I is a dotless ı. username_key in
-- src/api/name.rs does the same.
create or replace function username_key(username text) returns text
    language sql immutable strict parallel safe
    as $$ select lower(replace(username, '_', '-') collate "C") $$;

-- It has the keys that the earlier function returned.
reindex index users_username_key;

with corrected as (
    delete from username_tombstones where username like '%ı%' returning username, deleted_at
)
insert into username_tombstones (username, deleted_at)
select replace(username, 'ı', 'i'), max(deleted_at) from corrected group by 1
on conflict (username) do update set deleted_at = greatest(username_tombstones.deleted_at, excluded.deleted_at);
