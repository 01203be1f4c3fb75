/**
 * Lists kept in the order of `seq`, so that a page is a slice found by halving and a page token is
 * one number. Numbers are given once and never again: a page token stays right whatever happens.
 */
export interface Numbered {
  readonly seq: number
}

/** The index of the first item behind `seq`. */
export function indexAfter(items: readonly Numbered[], seq: number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((items[middle]?.seq ?? 0) > seq) high = middle
    else low = middle + 1
  }
  return low
}

export function holds(items: readonly Numbered[], item: Numbered): boolean {
  return items[indexAfter(items, item.seq) - 1]?.seq === item.seq
}

/** False when it was there already. */
export function addOrdered<T extends Numbered>(items: T[], item: T): boolean {
  const index = indexAfter(items, item.seq)
  if (items[index - 1]?.seq === item.seq) return false
  if (index === items.length) items.push(item)
  else items.splice(index, 0, item)
  return true
}

/** False when it was not there. */
export function dropOrdered(items: Numbered[], item: Numbered): boolean {
  const index = indexAfter(items, item.seq) - 1
  if (items[index]?.seq !== item.seq) return false
  items.splice(index, 1)
  return true
}
