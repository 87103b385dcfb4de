-- The programs that work with the schema. A program works with each schema that has all migrations that it knows, unless a later
-- migration says here that it is too old.

create table schema_compatibility (
    only_row        boolean primary key default true check (only_row),
    -- Version of the migration that a program has to know.
    minimum_version bigint not null
);

comment on table schema_compatibility is 'The programs that work with this schema: those that know the migration minimum_version. A migration that breaks older programs raises it.';

-- Programs that do not know this table work with no later schema.
insert into schema_compatibility (minimum_version) values (4);
