-- What of a model a tenant's syncs take in: a filter as data (src/core/filter.ts). An object that
-- leaves it is out of scope and not removed: it is still at Microsoft.
create table sync_scope (
  tenant_id   bigint not null,
  model_id    smallint not null,
  node_path   text collate "C" not null,
  filter      jsonb not null,
  primary key (tenant_id, model_id)
);
alter table sync_scope enable row level security;
alter table sync_scope force row level security;
create policy scoped on sync_scope
  using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
  with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"));
grant select, insert, update, delete on sync_scope to patchbay_app;
