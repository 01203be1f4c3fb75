-- Every entry of the audit is a link in the chain of its customer: its hash is over the hash of the
-- one before and over itself, so nothing can be changed, added between, moved or taken out without
-- the links showing it. What lies above every customer (provider, resellers) has chains of its own.
-- Who moved a customer did not move its past: node_path is where the entry was made.
create table audit_seal (
  chain      bigint not null,
  seq        bigint not null,
  audit_id   bigint not null unique,
  node_path  text collate "C" not null,
  previous   bytea not null,
  hash       bytea not null,
  primary key (chain, seq)
);

alter table audit_seal enable row level security;
alter table audit_seal force row level security;
create policy scoped on audit_seal
  using (node_path >= current_setting('patchbay.scope', true) collate "C"
     and node_path < current_setting('patchbay.scope_end', true) collate "C")
  with check (node_path >= current_setting('patchbay.scope', true) collate "C"
     and node_path < current_setting('patchbay.scope_end', true) collate "C");

-- Runs at the commit (deferred), so that a customer's commits wait for each other only from there
-- to the disk and not from their first statement on. It runs as the owner, because the application
-- may not write seals, and sees every node, because a site's administrator does not see the
-- customer whose chain it is. Nobody may attach it to a table of their own. The text that is hashed
-- is built again in store/auditChain.ts, which must not have to trust what the owner left here.
create function seal_audit() returns trigger language plpgsql security definer
  set search_path = patchbay, pg_temp
as $$
declare
  scope     text := current_setting('patchbay.scope', true);
  scope_end text := current_setting('patchbay.scope_end', true);
  ids       bigint[] := string_to_array(rtrim(new.node_path, '.'), '.')::bigint[];
  link      audit_seal;
begin
  perform set_config('patchbay.scope', '0', true), set_config('patchbay.scope_end', ':', true);
  select coalesce(max(id), ids[cardinality(ids)]) into link.chain
    from node where id = any(ids) and kind = 'customer';
  perform pg_advisory_xact_lock(hashtextextended('patchbay audit chain', link.chain));
  select seq + 1, hash into link.seq, link.previous
    from audit_seal where chain = link.chain order by seq desc limit 1;
  if not found then
    link.seq := 1;
    link.previous := decode(repeat('00', 32), 'hex');
  end if;
  link.hash := sha256(link.previous || convert_to(jsonb_build_object(
    'chain', link.chain, 'seq', link.seq, 'id', new.id,
    'at', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'nodePath', new.node_path, 'actor', new.actor, 'action', new.action,
    'tenantId', new.tenant_id, 'subject', new.subject, 'detail', new.detail
  )::text, 'UTF8'));
  insert into audit_seal (chain, seq, audit_id, node_path, previous, hash)
    values (link.chain, link.seq, new.id, new.node_path, link.previous, link.hash);
  perform set_config('patchbay.scope', scope, true),
          set_config('patchbay.scope_end', scope_end, true);
  return null;
end $$;
revoke execute on function seal_audit() from public;

create constraint trigger seal_audit after insert on audit
  deferrable initially deferred for each row execute function seal_audit();

-- What was on record before there were chains: taken out and put back in its order, it is sealed.
select set_config('patchbay.scope', '0', true), set_config('patchbay.scope_end', ':', true);
with earlier as (delete from audit returning *)
  insert into audit overriding system value select * from earlier order by id;

grant select on audit_seal to patchbay_app;
