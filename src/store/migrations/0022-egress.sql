-- Where tenants at a node and below it may be sent to besides Microsoft: an allow-list (see
-- src/net/policy.ts). Every list on the way from the top has to allow an address, so one further
-- down can only narrow. No row: nothing is said at that node.
create table egress_policy (
  node_id     bigint primary key references node (id) on delete cascade,
  node_path   text collate "C" not null,
  rules       jsonb not null,
  updated_at  timestamptz not null default now()
);
create index on egress_policy (node_path);
alter table egress_policy enable row level security;
alter table egress_policy force row level security;
create policy scoped on egress_policy
  using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
  with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"));
grant select, insert, update, delete on egress_policy to patchbay_app;
call hold_to_list();
