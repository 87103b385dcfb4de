-- What is recorded of every user, of whichever kind. Each kind has a table of its own, since the application shows other
-- things of each.
create view resources as
select user_id, 'channel'::resource_kind as kind, arn, created_at from channels
union all
select user_id, 'chat_room', arn, created_at from chat_rooms
union all
select user_id, 'stage', arn, created_at from stages;

-- The id of the installation that all this is of, where it was not set: it outlives the cluster that it was taken from.
create table installation (
    one bool primary key default true check (one),
    id  text not null
);
