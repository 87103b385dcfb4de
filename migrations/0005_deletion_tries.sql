-- The time of the latest try to delete a user. The next object of the account takes the user over only once no call of that try can
-- still be in progress.

alter table users add column deletion_tried_at timestamptz;

comment on column users.deletion_tried_at is 'Start of the latest try to delete the resources of the user. Null if there was none.';
