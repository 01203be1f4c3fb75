import { idsIn } from '../mutations/mutations.ts'
import type { Counted } from './figure.ts'

/** What a test did, as far as it proves a line of the list. */
export interface Proof {
  ids: readonly string[]
  file: string
  name: string
  state: 'passed' | 'failed' | 'skipped'
  figures: readonly Counted[]
  seed: number | undefined
}

interface Report {
  testResults: {
    name: string
    assertionResults: {
      fullName: string
      status: string
      meta: { figures?: Counted[]; seed?: number }
    }[]
  }[]
}

/** The proofs in JSON reports of vitest. */
export function readReports(texts: readonly string[]): Proof[] {
  return texts.flatMap((text) => {
    const { testResults }: Report = JSON.parse(text)
    return testResults.flatMap(({ name: path, assertionResults }) =>
      assertionResults.map(
        ({ fullName, status, meta }): Proof => ({
          ...{ ids: idsIn(fullName), file: path.replace(/^.*\/(?=(src|test)\/)/, '') },
          ...{ name: fullName, figures: meta.figures ?? [], seed: meta.seed },
          state: status === 'passed' || status === 'failed' ? status : 'skipped',
        }),
      ),
    )
  })
}
