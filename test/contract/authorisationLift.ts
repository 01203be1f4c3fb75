import { registerHooks } from 'node:module'

// Loaded into a server before it starts (NODE_OPTIONS): its own checks say yes to everything, so
// that nothing is left but row-level security. Every text has to be there once, or nothing starts.
const lifts: readonly (readonly [string, string])[] = [
  [
    '  if (!scopesOf(actor).some((scope) => within(nodePath, scope))) {',
    '  if (nodePath === "") {',
  ],
  ['  if (!mayDo(actor, operation, type, nodePath)) throw', '  if (nodePath === "") throw'],
  ['  return actor.grants.some(allows) && ', '  return actor.grants.length > 0 || '],
  ['  if (scopes.length === 0) throw notPermitted', '  if (type === "") throw notPermitted'],
  ['    if (!holds(grant)) continue', '    if (holds === undefined) continue'],
  ['  if (beyond === undefined) return', '  if (grant !== beyond) return'],
]

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/src/core/actor.ts')) return loaded
    let source = String(loaded.source)
    for (const [check, lifted] of lifts) {
      if (source.split(check).length !== 2) throw new Error(`there is not one "${check}"`)
      source = source.replace(check, () => lifted)
    }
    return { ...loaded, source }
  },
})
