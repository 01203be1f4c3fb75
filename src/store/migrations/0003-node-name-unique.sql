-- Names that differ only in case look the same to people who choose a node from a list.
alter table node drop constraint node_parent_id_name_key;
create unique index node_name_once on node (parent_id, lower(name));

-- A node's path holds its own id, so the id is drawn before the row is written.
grant usage on sequence node_id_seq to patchbay_app;
