import type { Wire } from '../../src/core/wire.ts'
import type { Engine } from '../../src/engine/engine.ts'

/** The engine with every wire it opens changed in what `change` answers for it. */
export function withWires(engine: Engine, change: (wire: Wire) => Partial<Wire>): Engine {
  return {
    ...engine,
    openWires: async (...opening) => {
      const wires = await engine.openWires(...opening)
      return {
        ...wires,
        wire: (name) => {
          const wire = wires.wire(name)
          return { ...wire, ...change(wire) }
        },
      }
    },
  }
}
