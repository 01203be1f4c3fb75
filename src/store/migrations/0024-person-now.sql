-- A person as they are now, with what their roles allow, where: asked with every request, before
-- any scope is known. As a function that sees every node it is part of the one statement that finds
-- the token or session; a transaction in the provider's scope for it was four messages more. In
-- plpgsql, which keeps its plans from call to call; and the scope is set and put back by hand, for
-- only a superuser may declare a setting of ours in the head of a function.
create function person_now(wanted bigint)
  returns table (name text, disabled_at timestamptz, grants jsonb)
  language plpgsql stable rows 1 set search_path = patchbay, pg_temp
as $$
-- The columns of the answer are variables here, and would hide those of the tables.
#variable_conflict use_column
declare
  scope     text := current_setting('patchbay.scope', true);
  scope_end text := current_setting('patchbay.scope_end', true);
  scopes    text := current_setting('patchbay.scopes', true);
begin
  perform set_config('patchbay.scope', '0', true), set_config('patchbay.scope_end', ':', true),
          set_config('patchbay.scopes', '', true);
  return query
    select person.name, person.disabled_at, coalesce((
      select jsonb_agg(jsonb_build_object('scope', role_grant.node_path,
          'permissions', access_profile.permissions) order by role_grant.id)
        from role_grant
        join role on role.id = role_grant.role_id
        join access_profile on access_profile.id = role.profile_id
       where role_grant.person_id = person.id), '[]')
      from person where person.id = wanted;
  perform set_config('patchbay.scope', coalesce(scope, ''), true),
          set_config('patchbay.scope_end', coalesce(scope_end, ''), true),
          set_config('patchbay.scopes', coalesce(scopes, ''), true);
end $$;
revoke execute on function person_now(bigint) from public;
grant execute on function person_now(bigint) to patchbay_app;
