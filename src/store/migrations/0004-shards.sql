-- A list is read in shards side by side, a delta in one. Where each stands is its newest page: the
-- row with seq 0 says where it begins, every later one where it goes on, null at its end.
alter table sync_page add column cursor text;
-- A page's new rows get their ids where they come in, before they are in both tables.
grant usage on sequence resource_id_seq to patchbay_app;
-- Where a run_model stands says its phase alone.
alter table run_model drop column cursor;
