-- What somebody may do. Profiles and roles belong to the provider and are read by everybody who
-- gives roles; who may do what where is a grant, which lies at its node.
create table access_profile (
  id           bigint generated always as identity primary key,
  name         text not null check (length(name) between 1 and 255),
  description  text not null default '',
  -- Shipped ones are brought up to date at each start, and are nobody's to change.
  origin       text not null check (origin in ('shipped', 'own')),
  permissions  jsonb not null,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);
create unique index access_profile_name on access_profile (lower(name));

create table role (
  id           bigint generated always as identity primary key,
  name         text not null check (length(name) between 1 and 255),
  profile_id   bigint not null references access_profile (id),
  kind         text not null check (kind in ('provider', 'reseller', 'customer', 'site')),
  origin       text not null check (origin in ('shipped', 'own')),
  created_at   timestamptz not null default now()
);
create unique index role_name on role (lower(name));
create index on role (profile_id);

create table role_grant (
  id           bigint generated always as identity primary key,
  person_id    bigint not null references person (id) on delete cascade,
  role_id      bigint not null references role (id),
  node_id      bigint not null references node (id) on delete cascade,
  node_path    text collate "C" not null,
  granted_by   jsonb not null,
  granted_at   timestamptz not null default now(),
  unique (person_id, role_id, node_id)
);
create index on role_grant (node_path);
create index on role_grant (role_id);

alter table role_grant enable row level security;
alter table role_grant force row level security;
create policy scoped on role_grant
  using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
  with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"));

create trigger access_change after update of permissions or delete on access_profile
  for each statement execute function tell_access_change();
create trigger access_change after update of profile_id or delete on role
  for each statement execute function tell_access_change();
create trigger access_change after insert or update of node_path or delete on role_grant
  for each statement execute function tell_access_change();

grant select, insert, update, delete on access_profile, role, role_grant to patchbay_app;

-- Whoever acts at several nodes reads the range that covers them, less what the list leaves out.
-- That there is none is read once for a statement, and asked by `is not null`, which the planner
-- takes to hold for nearly every row: asked otherwise it halved its guess of what a page holds, and
-- read 20,000 rows (4 ms) where it had read 50 by an index (0.2 ms). Not for the owner, whose
-- functions (sealing the audit) set a range of their own. For every table with a node_path, those
-- of later migrations included: each calls this at its end.
create procedure hold_to_list() language plpgsql as $$
declare
  name text;
begin
  for name in
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'patchbay'::regnamespace and c.relkind in ('r', 'p')
       and a.attname = 'node_path' and not a.attisdropped
       and not exists (
         select from pg_policy p where p.polrelid = c.oid and p.polname = 'listed')
  loop
    execute format($p$create policy listed on %I as restrictive to patchbay_app
      using ((select nullif(coalesce(current_setting('patchbay.scopes', true), '') = '', false))
               is not null
          or node_path ^@ any ((select string_to_array(
               current_setting('patchbay.scopes', true), ',') collate "C")::text[]))$p$,
      name);
  end loop;
end $$;
call hold_to_list();
