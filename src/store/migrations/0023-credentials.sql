-- When something ends that Microsoft told of, or that a person gave: secrets of app registrations
-- and delegated administration (GDAP). What is ours, certificates and tokens, has its end in its
-- own row. Never a secret itself.
create table credential (
  id            bigint generated always as identity primary key,
  tenant_id     bigint not null,
  node_path     text collate "C" not null,
  kind          text not null check (kind in ('secret', 'gdap')),
  -- Microsoft's id of it; of a date that a person gave, the field it is about.
  foreign_id    text not null,
  name          text not null,
  -- False: of an app registration's secrets another one is stored here.
  used          boolean not null,
  -- Microsoft extends it by itself.
  extends       boolean not null default false,
  ends_at       timestamptz not null,
  source        text not null check (source in ('microsoft', 'given')),
  read_at       timestamptz not null,
  unique (tenant_id, kind, foreign_id)
);
create index on credential (ends_at);

-- When a tenant's are to be read again, and why they could not be read. Without a row: now.
create table credential_look (
  tenant_id   bigint primary key,
  node_path   text collate "C" not null,
  due_at      timestamptz not null,
  unreadable  text
);

-- The smallest number of days before an end that was told of: what keeps an alert from being told
-- twice, by whichever process and after whatever restart.
create table credential_told (
  subject     text not null,
  ends_at     timestamptz not null,
  node_path   text collate "C" not null,
  days        integer not null,
  primary key (subject, ends_at)
);

-- Credentials that were refused, by what tells them from newer ones. Whoever finds quiet_until past
-- moves it on and asks; all others repeat the refusal, in whatever process they are.
create table credential_refusal (
  tenant_id    bigint not null,
  version      text not null,
  node_path    text collate "C" not null,
  error        jsonb not null,
  quiet_until  timestamptz not null,
  primary key (tenant_id, version)
);

-- Beside a tenant's credential another one may stand. version: which one was tested; it steps in
-- for the first from then on. since: it does, because the first is refused.
create table second_credential (
  tenant_id      bigint primary key,
  node_path      text collate "C" not null,
  version        text not null,
  tested_at      timestamptz not null,
  stepped_in_at  timestamptz
);

alter table connection drop constraint connection_state_check;
alter table connection add constraint connection_state_check check (
  state in (
    'untested', 'healthy', 'throttled', 'credentials-rejected', 'consent-missing', 'blocked',
    'unlicensed', 'unreachable'));

-- Who is told of alerts at a node and below it. The key that signs for a webhook is in the vault.
create table alert_target (
  id          bigint generated always as identity primary key,
  node_id     bigint not null references node (id),
  node_path   text collate "C" not null,
  kind        text not null check (kind in ('mail', 'webhook')),
  address     text not null,
  created_at  timestamptz not null default now(),
  unique (node_id, kind, address)
);

-- One alert on its way to one target; its id travels with every attempt.
create table alert_delivery (
  id          uuid primary key default gen_random_uuid(),
  target_id   bigint not null references alert_target (id) on delete cascade,
  node_path   text collate "C" not null,
  -- Which event; null: somebody tries the target.
  event_id    bigint,
  alert       jsonb not null,
  attempts    integer not null default 0,
  -- When to try (again); null: delivered, or given up with `error`.
  due_at      timestamptz,
  error       text,
  created_at  timestamptz not null default now(),
  unique (target_id, event_id)
);
create index on alert_delivery (due_at) where due_at is not null;
create index on alert_delivery (created_at);

-- How far the events were looked through for alerts.
create table alert_place (
  tx  xid8 not null,
  id  bigint not null
);
insert into alert_place (tx, id) values (pg_current_xact_id(), 0);

-- Of the events those that may be alerts: most are about pages of syncs.
create index event_alert on event (tx, id)
  where kind in ('credential.ending', 'credential.ended', 'credential.stepped-in',
    'connection.changed');

do $$
declare
  name text;
begin
  foreach name in array array['credential', 'credential_look', 'credential_told',
    'credential_refusal', 'second_credential', 'alert_target', 'alert_delivery'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format($p$create policy scoped on %I
      using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
         and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
      with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
         and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))$p$,
      name);
  end loop;
end $$;

grant select, insert, update, delete on credential, credential_look, credential_told,
  credential_refusal, second_credential, alert_target, alert_delivery to patchbay_app;
grant select, update on alert_place to patchbay_app;

call hold_to_list();
call hold_to_list();
