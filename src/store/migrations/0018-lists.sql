-- Lists filter, sort and page by `cols` alone, so it holds values as they compare: text without
-- case and cut to a length, numbers as text that sorts like them, '' for none. cols[1] is the name.
-- What a list shows comes from resource_data, for one page. Collation C: an index on cols[n] then
-- serves equality, order and what begins with a text, all by leakproof operators, which alone the
-- planner may use before row-level security (lower(), like and ->> are not).
select set_config('patchbay.scope', '0', true), set_config('patchbay.scope_end', ':', true);
drop index resource_list;
alter table resource alter column cols type text[] collate "C" using array[lower(name)];
create index resource_first on resource (tenant_id, model_id, (cols[1]), id)
  where removed_at is null;
create index resource_second on resource (tenant_id, model_id, (cols[2]), id)
  where removed_at is null;
create index resource_third on resource (tenant_id, model_id, (cols[3]), id)
  where removed_at is null;
-- Every other column is sought by reading this index alone: half the time of reading the table, and
-- half of what an index of its own costs each row that is written. Its entries must fit a third of
-- a page: see limits.columnBytes.
create index resource_scan on resource (tenant_id, model_id, id) include (node_path, cols)
  where removed_at is null;

-- The scope as a subquery is read once for a statement; without it, once or twice for each row,
-- which was half the time of a list that reads all rows of a tenant.
do $$
declare
  name text;
begin
  foreach name in array array['resource', 'resource_data', 'link', 'resource_change'] loop
    execute format('drop policy scoped on %I', name);
    execute format($p$create policy scoped on %I
      using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
         and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
      with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
         and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))$p$,
      name);
  end loop;
end $$;
