-- The plan of a function is made once for a connection and kept. Made while the audit was small, it
-- sorted the whole chain to find its last link, and went on so: a write cost 1 ms more of processor
-- time with every 1,000 entries, until statistics were next gathered. The index has them in order.
alter function seal_audit() set enable_sort = off;
alter function seal_audit() set enable_bitmapscan = off;
alter function seal_audit() set enable_seqscan = off;
