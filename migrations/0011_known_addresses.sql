-- Whether a user has proved the password from somewhere is looked up at each wrong one, also for strangers: not through all of the
-- user's history, but only through what still has an address.
create index audit_log_known_addresses on audit_log (user_id)
    where event in ('registered', 'returned', 'signed_in') and address is not null;

-- As before, but for the last condition of the inner query, by which the index serves it.
create or replace function next_try(tried uuid, stranger inet, most bigint) returns timestamptz language sql stable security definer
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
                    and address is not null
            ) then most
            else greatest(most / 2, 1)
        end - 1
    );
end;
