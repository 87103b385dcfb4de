-- What something else had changed in AWS. Rows are kept until the user is deleted, or until drift is found 90 days later.
create table drift_history (
    id        bigint generated always as identity primary key,
    user_id   uuid not null references users (id) on delete cascade,
    kind      resource_kind not null,
    -- "name", the path of a setting within the part of the spec for this kind, or "tag KEY".
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
