-- A Microsoft tenant is attached once, whoever attaches it: the index sees beyond every scope. It
-- may be attached again only below a node where it already is, and the second record then names the
-- first.
alter table tenant add column below_tenant_id bigint references tenant (id);
create unique index tenant_once on tenant (microsoft_tenant_id, cloud)
  where below_tenant_id is null;
create index on tenant (below_tenant_id) where below_tenant_id is not null;
