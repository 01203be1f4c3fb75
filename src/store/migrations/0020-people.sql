-- People, who sign in at their home node and act where their roles let them.
create table person (
  id             bigint generated always as identity primary key,
  node_id        bigint not null references node (id),
  node_path      text collate "C" not null,
  login          text not null check (length(login) between 1 and 255),
  name           text not null check (length(name) between 1 and 255),
  email          text,
  -- argon2id as a PHC string. Null: no password was ever set, or only the issuer signs in.
  password_hash  text,
  -- Who vouches for them in place of a password: an OpenID provider, and its name for them.
  oidc_issuer    text,
  oidc_subject   text,
  disabled_at    timestamptz,
  created_at     timestamptz not null default now(),
  unique (oidc_issuer, oidc_subject),
  check ((oidc_issuer is null) = (oidc_subject is null))
);
-- Logins that differ only in case look the same to those who read a list of them. Unique over all
-- customers: at sign-in nobody says yet where they belong.
create unique index person_login on person (lower(login));
create index on person (node_path);

alter table person enable row level security;
alter table person force row level security;
create policy scoped on person
  using (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"))
  with check (node_path >= (select current_setting('patchbay.scope', true) collate "C")
     and node_path < (select current_setting('patchbay.scope_end', true) collate "C"));

-- Read before any scope is known, like access_token: they are what tells it. Of what a browser or
-- a command line holds only the SHA-256 is stored; 256 random bits need no slow hash.
create table session (
  id            bigint generated always as identity primary key,
  person_id     bigint not null references person (id) on delete cascade,
  hash          bytea not null unique,
  created_at    timestamptz not null default now(),
  seen_at       timestamptz not null default now(),
  idle_ends_at  timestamptz not null,
  ends_at       timestamptz not null,
  ended_at      timestamptz
);
create index on session (person_id);

-- A token acts for its owner within `scope` and `permissions`, where both allow. Without an owner
-- it has the scope's whole rights: the one made at the first start, kept by the operator.
alter table access_token
  add column person_id     bigint references person (id) on delete cascade,
  add column permissions   jsonb,
  add column created_by    jsonb,
  add column last_used_at  timestamptz,
  add column ended_at      timestamptz;
create index on access_token (person_id);

-- What works once and not for long: an invitation, a way through an OpenID provider or through
-- Microsoft's consent, the code a command line is given. Using it removes it.
create table one_time_secret (
  hash        bytea primary key,
  purpose     text not null check (purpose in ('invitation', 'oidc', 'command-line', 'consent')),
  person_id   bigint references person (id) on delete cascade,
  detail      jsonb not null,
  expires_at  timestamptz not null
);
create index on one_time_secret (expires_at);

-- A browser from which a person has signed in before. Guesses made elsewhere do not slow it down.
create table known_device (
  hash       bytea primary key,
  person_id  bigint not null references person (id) on delete cascade,
  seen_at    timestamptz not null default now()
);
create index on known_device (person_id);

-- Failed sign-ins by login and place. The key is a hash: a list of logins that people mistyped
-- would hold passwords typed into the wrong field.
create table sign_in_failure (
  key        bytea primary key,
  failures   integer not null,
  failed_at  timestamptz not null,
  open_at    timestamptz not null
);
create index on sign_in_failure (failed_at);

-- Whoever holds something open for somebody (an event stream) asks again when rights may have
-- changed. It is told at the commit, once per transaction. Tables that give rights have it too.
create function tell_access_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('patchbay_access', '');
  return null;
end $$;
create trigger access_change after update of disabled_at or delete on person
  for each statement execute function tell_access_change();
create trigger access_change after update of ended_at or delete on session
  for each statement execute function tell_access_change();
create trigger access_change after update of ended_at, scope or delete on access_token
  for each statement execute function tell_access_change();

grant select, insert, update, delete
  on person, session, one_time_secret, known_device, sign_in_failure to patchbay_app;
