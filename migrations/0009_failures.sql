-- How often a wrong password may be tried, counted over all processes.

-- From when on the password of a user may be tried again; null where it may be now. Of the latest failures within an hour so many are let
-- be from where the user has proved the password before, and from anywhere for who is signed in (no address); half of them for anybody
-- else, so that strangers keep nobody out. With the rights of the owner, so that the page itself reads nothing of the log.
create function next_try(tried uuid, stranger inet, most bigint) returns timestamptz language sql stable security definer
begin atomic
    select at + interval '1 hour' from audit_log
    where user_id = tried
        and at > now() - interval '1 hour'
        and event in ('sign_in_failed', 'registration_refused', 'password_refused')
    order by at desc
    limit 1 offset (
        select case
            when stranger is null then most
            when exists (
                select from audit_log
                where user_id = tried
                    and event in ('registered', 'returned', 'signed_in')
                    -- Of IPv6 a household has a /64.
                    and address <<= network(set_masklen(stranger, case family(stranger) when 6 then 64 else 32 end))
            ) then most
            else greatest(most / 2, 1)
        end - 1
    );
end;

revoke execute on function next_try(uuid, inet, bigint) from public;

alter function grant_rights() rename to grant_rights_of_before;

-- The rights of before, and this one.
create function grant_rights() returns void language plpgsql set search_path from current as $$
begin
    perform grant_rights_of_before();
    if exists (select from pg_roles where rolname = 'streamcat_registration') then
        grant execute on function next_try(uuid, inet, bigint) to streamcat_registration;
    end if;
end
$$;

revoke execute on function grant_rights() from public;

select grant_rights();
