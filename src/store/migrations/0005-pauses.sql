-- How long calls to a service wait because it said so: learnt by one process, kept by all. Not a
-- node's data: the name is what the service counts together (service, application, tenant), and an
-- application's pause holds in all tenants.
create table pause (
  name   text primary key,
  until  timestamptz not null
);
grant select, insert, update, delete on pause to patchbay_app;
