-- Names that differ only in case look the same to people who choose a node from a list.
alter table node drop constraint node_parent_id_name_key;
create unique index node_name_once on node (parent_id, lower(name));
