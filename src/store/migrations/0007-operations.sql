-- When a tenant is synced by itself. The first due time lies in the row, so that a scan finds what
-- is due by an index and a missed one is due until it was done, once. actor is who made it; what
-- they may do is asked again each time.
create table schedule (
  id            bigint generated always as identity primary key,
  tenant_id     bigint not null,
  node_path     text collate "C" not null,
  name          text not null,
  -- Empty: every model in force when it is due.
  models        text[] not null,
  full_list     boolean not null,
  every_minutes integer,
  cron          text,
  time_zone     text not null,
  actor         jsonb not null,
  paused_why    text,
  -- Null while paused.
  due_at        timestamptz,
  last_due_at   timestamptz,
  last_run_id   bigint,
  created_at    timestamptz not null default now(),
  check ((every_minutes is null) <> (cron is null)),
  check ((due_at is null) = (paused_why is not null))
);
create unique index schedule_name_once on schedule (tenant_id, lower(name));
create index on schedule (due_at) where due_at is not null;

-- Models that are to be synced soon: a hint came, or a change was made. One row however often it is
-- said; it goes in the commit that queues the sync.
create table sync_due (
  tenant_id   bigint not null,
  model_id    smallint not null,
  node_path   text collate "C" not null,
  due_at      timestamptz not null,
  cause       text not null,
  actor       jsonb not null,
  primary key (tenant_id, model_id)
);
create index on sync_due (due_at);

-- What a sync of a model leaves undone in our copy of a tenant: add, update, remove.
create table sync_rule (
  tenant_id   bigint not null,
  model_id    smallint not null,
  node_path   text collate "C" not null,
  disabled    text[] not null,
  primary key (tenant_id, model_id)
);

-- Change notifications asked of Microsoft. Of the secret that comes back with each only the hash is
-- kept: it is compared, and never sent again.
create table subscription (
  id                bigint generated always as identity primary key,
  tenant_id         bigint not null,
  model_id          smallint not null,
  node_path         text collate "C" not null,
  foreign_id        text,
  client_state_hash bytea,
  expires_at        timestamptz,
  -- When to make, renew or try again.
  act_at            timestamptz not null,
  error             jsonb,
  unique (tenant_id, model_id)
);
create unique index on subscription (foreign_id) where foreign_id is not null;
create index on subscription (act_at);

do $$
declare
  name text;
begin
  foreach name in array array['schedule', 'sync_due', 'sync_rule', 'subscription'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format($p$create policy scoped on %I
      using (node_path >= current_setting('patchbay.scope', true) collate "C"
         and node_path < current_setting('patchbay.scope_end', true) collate "C")
      with check (node_path >= current_setting('patchbay.scope', true) collate "C"
         and node_path < current_setting('patchbay.scope_end', true) collate "C")$p$, name);
  end loop;
end $$;

grant select, insert, update, delete on schedule, sync_due, sync_rule, subscription to patchbay_app;
