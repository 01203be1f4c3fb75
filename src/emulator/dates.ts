/**
 * As Graph writes dates: to the second, in UTC. Put together at once, see `flat` in data/people.ts.
 */
export function dateText(milliseconds: number): string {
  return [new Date(milliseconds).toISOString().slice(0, 19), 'Z'].join('')
}
