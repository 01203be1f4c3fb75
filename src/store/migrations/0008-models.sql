-- A model's versions, each the text of its file. None is changed or removed: what was begun with
-- one can end with it.
create table model_version (
  id          bigint generated always as identity primary key,
  model_id    smallint not null references model (id),
  number      integer not null,
  origin      text not null check (origin in ('shipped', 'uploaded')),
  text        text not null,
  digest      bytea not null,
  actor       jsonb not null,
  created_at  timestamptz not null default now(),
  unique (model_id, number),
  unique (model_id, digest)
);

-- What came into force, and when. before_id is the activation whose place it took, which a rollback
-- goes back to: two rollbacks go back two, and never to and fro.
create table model_activation (
  id          bigint generated always as identity primary key,
  model_id    smallint not null references model (id),
  version_id  bigint not null references model_version (id),
  before_id   bigint references model_activation (id),
  actor       jsonb not null,
  at          timestamptz not null default now()
);
create index on model_activation (model_id, id);

-- In force is what the newest activation says; a model without one is not in force.
alter table model add column activation_id bigint references model_activation (id);

-- Where a column lies in resource.cols: for good, whatever versions come, so that rows written
-- under one version mean the same under another. filled_at is null while rows stored before the
-- column was declared do not have it yet.
create table model_column (
  model_id    smallint not null references model (id),
  name        text not null,
  place       smallint not null,
  filled_at   timestamptz,
  primary key (model_id, name),
  unique (model_id, place)
);

-- The version a run reads a model by, and the one a delta cursor was made by: a cursor of another
-- version knows other properties, and is not used.
alter table run_model add column version_id bigint;
alter table sync_state add column version_id bigint;

grant select, insert on model_version, model_activation to patchbay_app;
grant select, insert, update on model_column to patchbay_app;
