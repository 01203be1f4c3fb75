-- What is kept for how long: the word of the database's owner, whom the application cannot
-- overrule. Whoever wants it otherwise says so as the owner:
--   update patchbay.retention set keep_days = 90 where kind = 'event';
-- null keeps for ever. The audit has no row here: nothing of Patchbay removes any of it.
create table retention (
  kind      text primary key,
  keep_days integer check (keep_days >= 7)
);
insert into retention (kind, keep_days)
values ('event', 30), ('resource_change', 400), ('run', 180), ('transaction', 400);

-- The newest event that was removed: a reader who was not as far has missed some.
create table event_swept (
  tx  xid8 not null,
  id  bigint not null
);
insert into event_swept (tx, id) values ('0', 0);

-- Written in the order of their times, which is what makes this small index enough.
create index on resource_change using brin (at);
create index on run (ended_at);
create index on transaction (ended_at);
-- Whoever removes a transaction has to know that none names it.
create index on transaction (undoes) where undoes is not null;
create index on transaction (replays) where replays is not null;

-- Removes at most `most` of what is older than its time, and answers how many. It runs as the
-- owner, since the application may not remove events, and sees every node. Of several that ask at
-- once one does it.
create function sweep(what text, most integer) returns integer language plpgsql security definer
  set search_path = patchbay, pg_temp
as $$
declare
  scope   text := coalesce(current_setting('patchbay.scope', true), '');
  scope_end text := coalesce(current_setting('patchbay.scope_end', true), '');
  days    integer;
  before  timestamptz;
  due     bigint[];
  removed integer := 0;
begin
  select keep_days into days from retention where kind = what;
  if days is null or not pg_try_advisory_xact_lock(hashtext('patchbay sweep ' || what)) then
    return 0;
  end if;
  before := now() - make_interval(days => days);
  perform set_config('patchbay.scope', '0', true), set_config('patchbay.scope_end', ':', true);

  if what = 'event' then
    -- The oldest first, and those alone are looked at: there is no index by time.
    with oldest as (select id, tx, at from event order by tx, id limit most),
    gone as (delete from event using oldest
      where event.id = oldest.id and oldest.at < before returning event.tx, event.id),
    newest as (select tx, id from gone order by tx desc, id desc limit 1),
    noted as (update event_swept set tx = newest.tx, id = newest.id from newest)
    select count(*) into removed from gone;

  elsif what = 'resource_change' then
    delete from resource_change_rest where ctid = any (array(
      select ctid from resource_change_rest where at < before limit most));
    get diagnostics removed = row_count;

  elsif what = 'run' then
    -- The newest of a tenant says when it was synced last.
    due := array(select id from run where ended_at < before and state <> 'awaiting-approval'
      and exists (select from run newer where newer.tenant_id = run.tenant_id and newer.id > run.id)
      order by ended_at limit most);
    delete from sync_page where run_id = any (due);
    delete from sync_rejected where run_id = any (due);
    delete from removal where run_id = any (due);
    delete from run_model where run_id = any (due);
    delete from run where id = any (due);
    removed := cardinality(due);

  elsif what = 'transaction' then
    -- What is stuck waits for a person; what an undo or a repetition names goes after that one.
    due := array(select id from transaction t where ended_at < before and state <> 'stuck'
      and not exists (select from transaction o where o.undoes = t.id)
      and not exists (select from transaction o where o.replays = t.id)
      order by ended_at limit most);
    delete from transaction_step where transaction_id = any (due);
    delete from transaction where id = any (due);
    removed := cardinality(due);
  end if;
  -- Whoever asked sees no more afterwards than before.
  perform set_config('patchbay.scope', scope, true),
    set_config('patchbay.scope_end', scope_end, true);
  return removed;
end $$;
revoke execute on function sweep(text, integer) from public;
grant execute on function sweep(text, integer) to patchbay_app;
grant select on retention, event_swept to patchbay_app;
