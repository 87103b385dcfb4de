-- Functions that the controller calls in place of several statements, so that each takes one round trip. Each of their
-- statements sees what was committed before it began, as if the program had sent it: a volatile function takes a new
-- snapshot for each statement. So a later statement sees what an earlier one has waited for.
--
-- They run with the privileges and the search_path of the caller, as its own statements do.
--
-- Locks are taken in one order: users by their ids, and for each its row in users first, then its rows in other tables.

-- Gives an object the username if nobody has it and the object owns no user. Returns the row that the object owns, or
-- else the row of the username. Returns nothing if the object has a tombstone.
create function claim_username(
    known uuid, claimed text, namespace text, object_name text, object_uid text, cluster text,
    takeover_after double precision
) returns table (
    user_id uuid, username text, account_namespace text, account_name text, account_uid text, account_cluster text,
    registered boolean, retained boolean, interrupted_deletion double precision, is_cluster_live boolean
) language plpgsql as $$
#variable_conflict use_column
declare
    inserted uuid;
begin
    -- Serializes the claim and the tombstone of one object: the later one sees what the earlier one did.
    perform pg_advisory_xact_lock(hashtextextended(object_uid, 0));
    insert into users (id, username, account_namespace, account_name, account_uid, account_cluster)
    select coalesce(
            (select known
             where not exists (select from users where id = known)
                and not exists (select from user_tombstones where id = known and not resources_kept)),
            gen_random_uuid()),
        claimed, namespace, object_name, object_uid, cluster
    where not exists (select from users where account_uid = object_uid)
    on conflict (username_key(username)) do nothing
    returning id into inserted;
    -- Queried after the insert: if the insert waited for the row's deletion, the tombstone is visible now.
    if exists (select from user_tombstones where account_uid = object_uid) then
        delete from users where id = inserted;
        return;
    end if;
    return query
        select u.id, u.username, u.account_namespace, u.account_name, u.account_uid, u.account_cluster, u.registered,
            u.retained,
            case when u.deleting and not u.retained then extract(epoch from now() - u.deletion_tried_at)::float8 end,
            exists (select from clusters c
                    where c.id = u.account_cluster
                        and greatest(c.seen_at + make_interval(secs => takeover_after), c.expires_at) > now())
        from users u
        where username_key(u.username) = username_key(claimed) or u.account_uid = object_uid
        order by u.account_uid is not distinct from object_uid desc
        limit 1;
    if not found then
        raise no_data_found using message = 'the username was released during the claim';
    end if;
end
$$;

-- Limits how long a statement for several requests waits for a lock. The requests are then repeated one by one, so that
-- one user whose row is locked delays no other.
create function limit_lock_waits(requests integer) returns void language plpgsql as $$
begin
    if requests > 1 then
        perform set_config('lock_timeout', '500ms', true);
    end if;
end
$$;

-- Opens an attempt for each request: a user, a kind, the ARN that the caller believes to be recorded, and the seconds
-- after which the call has ended. Returns a nonce for each, in the same order: null if any attempt is open already, if
-- another ARN is recorded, or if the user is being deleted or does not exist.
create function open_attempts(owners uuid[], kinds resource_kind[], known_arns text[], durations double precision[])
    returns uuid[] language plpgsql as $$
declare
    nonces uuid[] := array_fill(null::uuid, array[cardinality(owners)]);
    request record;
    opened uuid;
begin
    perform limit_lock_waits(cardinality(owners));
    for request in
        select * from unnest(owners, kinds, known_arns, durations)
            with ordinality as requests (owner, kind, known_arn, lasts, place)
        order by owner, kind
    loop
        -- A concurrent deletion of the user waits for this attempt, or this attempt sees it. The same holds for a
        -- transaction that records a resource: the ARN below is read after it.
        perform from users where id = request.owner and not deleting for share;
        continue when not found;
        insert into create_attempts (user_id, kind, deadline)
        select request.owner, request.kind, now() + make_interval(secs => request.lasts)
        where request.known_arn is not distinct from
            (select arn from resources where user_id = request.owner and kind = request.kind)
        on conflict (user_id, kind) where state = 'open' do nothing
        returning nonce into opened;
        nonces[request.place] := opened;
    end loop;
    return nonces;
end
$$;

-- Writes the row of a user's resource. The resource that was recorded before becomes a former one, and no longer counts
-- as missing. details: the columns that only this kind has.
create function write_resource(owner uuid, of_kind resource_kind, resource_name text, resource_arn text, details jsonb)
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
end
$$;

-- Records the resource that each attempt created, and ends the attempt. Returns true or false for each request, in the
-- same order: false if the attempt is no longer open.
create function record_created(
    nonces uuid[], owners uuid[], kinds resource_kind[], names text[], arns text[], details jsonb[]
) returns boolean[] language plpgsql as $$
declare
    recorded boolean[] := array_fill(false, array[cardinality(nonces)]);
    request record;
begin
    perform limit_lock_waits(cardinality(nonces));
    for request in
        select * from unnest(nonces, owners, kinds, names, arns, details)
            with ordinality as requests (attempt, owner, kind, name, arn, detail, place)
        order by owner, kind
    loop
        perform from users where id = request.owner for no key update;
        update create_attempts set state = 'recorded' where nonce = request.attempt and state = 'open';
        continue when not found;
        perform write_resource(request.owner, request.kind, request.name, request.arn, request.detail);
        recorded[request.place] := true;
    end loop;
    return recorded;
end
$$;

-- Records a resource that was found, and ends the open attempt. Returns false if the recorded ARN or the open attempt is
-- another one than the caller knows.
create function record_found(
    owner uuid, of_kind resource_kind, known_arn text, known_attempt uuid, resource_name text, resource_arn text,
    details jsonb
) returns boolean language plpgsql as $$
begin
    perform from users where id = owner for no key update;
    if known_arn is distinct from (select arn from resources where user_id = owner and kind = of_kind) then
        return false;
    end if;
    -- No attempt can be opened now, but the open one may end.
    if known_attempt is null then
        if exists (select from create_attempts where user_id = owner and kind = of_kind and state = 'open') then
            return false;
        end if;
    else
        update create_attempts set state = 'given_up'
        where nonce = known_attempt and user_id = owner and kind = of_kind and state = 'open';
        if not found then
            return false;
        end if;
    end if;
    perform write_resource(owner, of_kind, resource_name, resource_arn, details);
    return true;
end
$$;

revoke execute on function claim_username(uuid, text, text, text, text, text, double precision) from public;
revoke execute on function limit_lock_waits(integer) from public;
revoke execute on function open_attempts(uuid[], resource_kind[], text[], double precision[]) from public;
revoke execute on function write_resource(uuid, resource_kind, text, text, jsonb) from public;
revoke execute on function record_created(uuid[], uuid[], resource_kind[], text[], text[], jsonb[]) from public;
revoke execute on function record_found(uuid, resource_kind, text, uuid, text, text, jsonb) from public;
