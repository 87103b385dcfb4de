-- The time of the latest pass of a user's deletion. The next object of the account takes the user over only once no call of that pass
-- can still be in progress.

alter table users add column deletion_pass_at timestamptz;

comment on column users.deletion_pass_at is 'Start of the latest pass that deleted the resources of the user. Null if there was none.';
