-- The planner takes a range between subqueries to keep one row in two hundred, so that a walk in
-- order, which ends once a page is full, seemed dearer than reading and sorting a whole tenant: 65
-- ms for a page in the middle of 100,000, where the walk takes 5. What a transaction reads of these
-- tables nearly always lies in its scope, and `is not null` counts as nearly always true. An index
-- on node_path would no longer serve the policy; these tables have none, they are read by tenant.
do $$
declare
  name text;
begin
  foreach name in array array['resource', 'resource_data', 'link', 'resource_change'] loop
    execute format($p$alter policy scoped on %I
      using (nullif(
        node_path >= (select current_setting('patchbay.scope', true) collate "C")
          and node_path < (select current_setting('patchbay.scope_end', true) collate "C"),
        false) is not null)$p$, name);
  end loop;
end $$;

-- How many rows have a value: the planner does not ask the indexes on cols[n] for it, they are
-- partial, and took one row in two hundred for every filter. Each costs 25 ms when the table is
-- analyzed; models rarely have more columns that lists are filtered by.
do $$
begin
  for place in 1..10 loop
    execute format('create statistics resource_place_%s on (cols[%s]) from resource', place, place);
  end loop;
end $$;

-- Lists are sorted by few columns. A fourth with an index spares a page the reading of the whole
-- tenant (37 ms for 100,000 rows, 7 with it), and costs a first import 0.4 s for as many.
create index resource_fourth on resource (tenant_id, model_id, (cols[4]), id)
  where removed_at is null;
