-- The token of each leader's Lease. The leader replaces it here, and then in the Lease, whenever it renews the Lease. If
-- both have the same token, neither PostgreSQL nor the cluster was restored since, and a new leader may rely on these
-- records before it has listed AWS.
create table renewal_tokens (
    -- The cluster of the Lease, as in clusters, and the namespace and name of the Lease.
    cluster           text not null,
    lease             text not null,
    token             uuid not null,
    -- The token before. A statement in flight may still name it.
    previous_token    uuid,
    -- The AWS account, region, and endpoints that the leader works with. Null if they are not known.
    target            text,
    -- A restored server, or a standby that was promoted, is another process.
    server_started_at timestamptz not null default pg_postmaster_start_time(),
    renewed_at        timestamptz not null default clock_timestamp(),
    -- Start of the latest complete list of AWS.
    listed_at         timestamptz,
    primary key (cluster, lease)
);

-- Users that somebody removed all at once count as a restore.
create function forget_renewal_tokens() returns trigger language plpgsql as $$
begin
    delete from renewal_tokens;
    return null;
end
$$;

create trigger users_truncated after truncate on users
    for each statement execute function forget_renewal_tokens();

-- Raises an exception unless the records are those that each of these tokens was written into. Null stands for a
-- controller without a Lease, which has no token.
create function check_renewal_tokens(tokens uuid[]) returns void language plpgsql as $$
begin
    if exists (
        select from unnest(tokens) as known (token)
        where token is not null and not exists (
            select from renewal_tokens as renewal
            where known.token in (renewal.token, renewal.previous_token)
                and renewal.server_started_at = pg_postmaster_start_time()))
    then
        raise exception 'the records are not those of this Lease' using errcode = 'SC001';
    end if;
end
$$;

-- As open_attempts without the tokens, but opens nothing unless all tokens are valid.
create function open_attempts(
    owners uuid[], kinds resource_kind[], known_arns text[], durations double precision[], tokens uuid[]
) returns uuid[] language plpgsql as $$
begin
    perform check_renewal_tokens(tokens);
    return open_attempts(owners, kinds, known_arns, durations);
end
$$;

-- As claim_username without the last two parameters, but claims nothing unless the token is valid. If AWS was not listed
-- yet, also claims nothing if AWS may have a resource of the account that only its tags name: one on the orphan list, or
-- one of an account that was abandoned since the latest list. A list takes at most a few minutes.
create function claim_username(
    known uuid, claimed text, namespace text, object_name text, object_uid text, cluster text,
    takeover_after double precision, renewal_token uuid, is_aws_listed boolean
) returns table (
    user_id uuid, username text, account_namespace text, account_name text, account_uid text, account_cluster text,
    registered boolean, retained boolean, interrupted_deletion double precision, is_cluster_live boolean
) language plpgsql as $$
#variable_conflict use_column
begin
    perform check_renewal_tokens(array[renewal_token]);
    if not is_aws_listed and (
        exists (select from orphans o
                where (o.account_namespace, o.account_name) = (namespace, object_name) or o.user_id = known)
        or exists (select from user_tombstones t
                   where t.resources_kept
                       and t.deleted_at >= all (select coalesce(r.listed_at, '-infinity')
                                                from renewal_tokens r where renewal_token in (r.token, r.previous_token))))
    then
        raise exception 'AWS may have resources of the account' using errcode = 'SC002';
    end if;
    return query
        select * from claim_username(known, claimed, namespace, object_name, object_uid, cluster, takeover_after);
end
$$;

revoke execute on function check_renewal_tokens(uuid[]) from public;
revoke execute on function open_attempts(uuid[], resource_kind[], text[], double precision[], uuid[]) from public;
revoke execute on function claim_username(uuid, text, text, text, text, text, double precision, uuid, boolean)
    from public;
