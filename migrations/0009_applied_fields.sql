-- The settings and tags of a resource that the spec names, or that an earlier spec has named. What is taken out of the
-- spec goes back to AWS's default; any other field is somebody else's. A resource without such fields has no row.
create table applied_fields (
    user_id uuid not null references users (id) on delete cascade,
    kind    resource_kind not null,
    -- Paths of settings within the part of the spec for this kind, and "tag KEY".
    fields  text[] not null,
    primary key (user_id, kind)
);

-- Adds fields to those of a resource: before they are sent, so that none is forgotten.
create function add_applied_fields(owner uuid, of_kind resource_kind, added text[]) returns void language sql as $$
    insert into applied_fields (user_id, kind, fields)
    select owner, of_kind, array(select distinct field collate "C" from unnest(added) as fields (field) order by 1) where cardinality(added) > 0
    on conflict (user_id, kind) do update
    set fields = array(
        select distinct field collate "C" from unnest(applied_fields.fields || excluded.fields) as fields (field) order by 1)
    where not applied_fields.fields @> excluded.fields
$$;

-- Replaces the fields of a resource, if they are still the known ones and nothing is in progress that may set others.
-- Returns false if not.
create function replace_applied_fields(owner uuid, of_kind resource_kind, known text[], applied text[]) returns boolean
    language plpgsql as $$
begin
    perform from users where id = owner for no key update;
    if not found
        or exists (select from pending_updates where user_id = owner and kind = of_kind)
        or exists (select from create_attempts where user_id = owner and kind = of_kind and state = 'open')
        or known is distinct from coalesce(
            (select fields from applied_fields where user_id = owner and kind = of_kind), '{}')
    then
        return false;
    end if;
    delete from applied_fields where user_id = owner and kind = of_kind;
    perform add_applied_fields(owner, of_kind, applied);
    return true;
end
$$;

-- As open_attempts without the fields, but adds the fields that each Create sets.
create function open_attempts(
    owners uuid[], kinds resource_kind[], known_arns text[], durations double precision[], tokens uuid[], fields jsonb[]
) returns uuid[] language plpgsql as $$
declare
    nonces uuid[] := open_attempts(owners, kinds, known_arns, durations, tokens);
begin
    -- A transaction that changes these rows holds the lock of the user, which the attempts have taken.
    perform add_applied_fields(owner, kind, array(select jsonb_array_elements_text(added)))
    from unnest(owners, kinds, fields, nonces) as requests (owner, kind, added, nonce)
    where nonce is not null and added <> '[]';
    return nonces;
end
$$;

-- Records an update that ends after this number of seconds, in place of an earlier one, and returns its nonce. Returns
-- null if the user does not exist.
create function begin_update(
    owner uuid, of_kind resource_kind, lasts double precision, repeated integer, fields text[]
) returns uuid language plpgsql as $$
declare
    begun uuid;
begin
    -- A replacement of the fields waits for this update, or this update sees it.
    perform from users where id = owner for no key update;
    insert into pending_updates (user_id, kind, deadline, repeats)
    select id, of_kind, now() + make_interval(secs => lasts), repeated from users where id = owner
    on conflict (user_id, kind) do update
    set nonce = excluded.nonce, deadline = excluded.deadline, repeats = excluded.repeats
    returning nonce into begun;
    if found then
        perform add_applied_fields(owner, of_kind, fields);
    end if;
    return begun;
end
$$;

-- As before, and also adds the fields that the spec names: details has them as applied_fields.
create or replace function write_resource(owner uuid, of_kind resource_kind, resource_name text, resource_arn text, details jsonb)
    returns void language plpgsql as $$
begin
    with former as (
        insert into former_resources (user_id, kind, arn, recorded_at, missing_since)
        select r.user_id, r.kind, r.arn, r.created_at, m.unlisted_since
        from resources r
        left join missing_resources m
            on (m.user_id, m.kind, m.arn) = (r.user_id, r.kind, r.arn) and not m.deletion_requested
        where r.user_id = owner and r.kind = of_kind and r.arn <> resource_arn
        on conflict (user_id, kind, arn) do update
        set replaced_at = now(), missing_since = excluded.missing_since
    )
    delete from missing_resources where user_id = owner and kind = of_kind;
    case of_kind
        when 'channel' then
            insert into channels (user_id, name, arn, ingest_endpoint, playback_url)
            values (owner, resource_name, resource_arn, details ->> 'ingest_endpoint', details ->> 'playback_url')
            on conflict (user_id) do update
            set name = excluded.name, arn = excluded.arn, ingest_endpoint = excluded.ingest_endpoint,
                playback_url = excluded.playback_url, created_at = now();
        when 'chat_room' then
            insert into chat_rooms (user_id, name, arn, endpoint)
            values (owner, resource_name, resource_arn, details ->> 'endpoint')
            on conflict (user_id) do update
            set name = excluded.name, arn = excluded.arn, endpoint = excluded.endpoint, created_at = now();
        when 'stage' then
            insert into stages (user_id, name, arn, events_endpoint, whip_endpoint, rtmp_endpoint, rtmps_endpoint)
            values (owner, resource_name, resource_arn, details ->> 'events_endpoint', details ->> 'whip_endpoint',
                details ->> 'rtmp_endpoint', details ->> 'rtmps_endpoint')
            on conflict (user_id) do update
            set name = excluded.name, arn = excluded.arn, events_endpoint = excluded.events_endpoint,
                whip_endpoint = excluded.whip_endpoint, rtmp_endpoint = excluded.rtmp_endpoint,
                rtmps_endpoint = excluded.rtmps_endpoint, created_at = now();
    end case;
    perform add_applied_fields(
        owner, of_kind, array(select jsonb_array_elements_text(coalesce(details -> 'applied_fields', '[]'))));
end
$$;

revoke execute on function add_applied_fields(uuid, resource_kind, text[]) from public;
revoke execute on function replace_applied_fields(uuid, resource_kind, text[], text[]) from public;
revoke execute on function open_attempts(uuid[], resource_kind[], text[], double precision[], uuid[], jsonb[]) from public;
revoke execute on function begin_update(uuid, resource_kind, double precision, integer, text[]) from public;
