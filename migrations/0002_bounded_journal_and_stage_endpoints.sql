-- Attempts that AWS refused. From now on, the journal keeps the latest one for each kind of a user's resources.
delete from create_attempts refused
where state = 'failed'
    and exists (
        select from create_attempts later
        where later.user_id = refused.user_id
            and later.kind = refused.kind
            and later.state = 'failed'
            and (later.started_at, later.nonce) > (refused.started_at, refused.nonce)
    );

-- The endpoints of a stage, as the other tables have those of channels and chat rooms. Null if AWS does not
-- return one, or until the stage is next read from AWS.
alter table stages
    add column events_endpoint text,
    add column whip_endpoint   text,
    add column rtmp_endpoint   text,
    add column rtmps_endpoint  text;
