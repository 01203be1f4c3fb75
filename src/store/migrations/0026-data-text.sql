-- What an object holds is written and read whole, and nothing looks into it here: what lists
-- compare lies in `resource.cols`. As jsonb each object was taken apart and put together anew, a
-- fifth of what PostgreSQL had to do for a first import; json keeps the text, after a look that it
-- is JSON.
alter table resource_data alter column data type json using data::json;
