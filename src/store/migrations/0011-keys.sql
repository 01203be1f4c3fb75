-- Which master key wraps new data keys is for the database to say: processes learn of a new key at
-- different times, and one that still wrapped with the former would make that key needed again.
alter table master_key add column current boolean not null default false;
update master_key set current = true
  where id = (select id from master_key order by first_used_at desc, id limit 1);
create unique index master_key_current on master_key (current) where current;

-- How much a data key has sealed: with random nonces it ends at 2^32 (NIST SP 800-38D, 8.3).
alter table data_key add column seals bigint not null default 0;
