-- What somebody else had changed in AWS. Rows are kept for 90 days, or until the user is deleted.
create table drift_history (
    id        bigint generated always as identity primary key,
    user_id   uuid not null references users (id) on delete cascade,
    kind      resource_kind not null,
    -- The name, the path of a setting in the spec, or "tag KEY".
    field     text not null,
    -- The value in AWS, and the one in the spec. Null if there was none.
    live      text,
    desired   text,
    -- True if it was changed back, false if it was only reported.
    corrected boolean not null,
    -- The same for all fields that were found at once.
    found_at  timestamptz not null default now()
);

create index drift_history_by_resource on drift_history (user_id, kind, found_at);
create index drift_history_by_time on drift_history (found_at);

-- Adds what was found at one resource, field by field, and deletes old rows. Does nothing if the user does not exist.
create function add_drift(
    owner uuid, of_kind resource_kind, fields text[], live_values text[], desired_values text[], is_corrected boolean
) returns void language plpgsql as $$
begin
    insert into drift_history (user_id, kind, field, live, desired, corrected)
        select users.id, of_kind, found.*, is_corrected
        from users, unnest(fields, live_values, desired_values) as found (field, live, desired)
        where users.id = owner;
    if found then
        delete from drift_history where found_at < now() - interval '90 days';
    end if;
end
$$;

-- Records an update that ends within `duration` seconds, in place of an earlier one, and the drift that it changes back.
-- Returns its nonce, or null if the user does not exist.
create function begin_update(
    owner uuid, of_kind resource_kind, duration double precision, resends integer,
    fields text[], live_values text[], desired_values text[]
) returns uuid language plpgsql as $$
declare
    begun uuid;
begin
    insert into pending_updates (user_id, kind, deadline, repeats)
        select id, of_kind, now() + make_interval(secs => duration), resends from users where id = owner
        on conflict (user_id, kind) do update
        set nonce = excluded.nonce, deadline = excluded.deadline, repeats = excluded.repeats
        returning nonce into begun;
    perform add_drift(owner, of_kind, fields, live_values, desired_values, true);
    return begun;
end
$$;
