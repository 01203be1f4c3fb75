import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bringCertificate,
  createCertificate,
  deleteCertificate,
  exportCertificate,
  listCertificates,
  readCertificate,
} from '../../src/features/certificates/certificates.ts'
import { openPfx } from '../../src/features/certificates/pfx.ts'
import type { NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import { createTenant } from '../../src/features/tenants/tenants.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  contosoId,
  directory,
  failureOf,
  openBench,
  provider,
} from './support.ts'

let bench: Bench
let customer: NodeAnswer
let sibling: NodeAnswer

beforeAll(async () => {
  bench = await openBench()
  customer = await addNode(bench, 1, 'customer', 'Contoso')
  sibling = await addNode(bench, 1, 'customer', 'Fabrikam')
})
afterAll(() => bench.close())

const dayMs = 24 * 60 * 60_000
let count = 0
const named = () => {
  count += 1
  return { nodeId: customer.id, name: `Certificate ${count}` }
}

function rsaKey(modulusLength = 2048): string {
  return generateKeyPairSync('rsa', {
    modulusLength,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
}

const key = rsaKey()

function certificateFor(
  keyPem: string,
  options: { days?: number; digest?: forge.md.MessageDigest } = {},
): string {
  const privateKey = forge.pki.privateKeyFromPem(keyPem)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e)
  certificate.serialNumber = '41'
  certificate.validity.notBefore = new Date(Date.now() - 20 * dayMs)
  certificate.validity.notAfter = new Date(Date.now() + (options.days ?? 30) * dayMs)
  certificate.setSubject([{ name: 'commonName', value: 'brought' }])
  certificate.setIssuer([{ name: 'commonName', value: 'brought' }])
  certificate.sign(privateKey, options.digest ?? forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate)
}

function pfxOf(keyPem: string, certificatePem: string, password: string): string {
  const file = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(keyPem),
    [forge.pki.certificateFromPem(certificatePem)],
    password,
    { algorithm: 'aes256', count: 2048 },
  )
  return Buffer.from(forge.asn1.toDer(file).getBytes(), 'latin1').toString('base64')
}

async function privateKeyOf(certificateId: number): Promise<string | undefined> {
  const ref = { owner: `certificate:${certificateId}`, field: 'privateKey' }
  return await inScope(bench.store.db, '1.', async (tx) =>
    (await bench.store.vault.get(tx, ref))?.reveal(),
  )
}

describe('creating', () => {
  test('C5: makes a key and a certificate that belong together, for at most two years', async () => {
    const wish = { commonName: 'Patchbay für Contoso', organization: 'Contoso', country: 'DE' }
    const created = await createCertificate(provider, bench.store, {
      ...named(),
      ...wish,
      validDays: 730,
      keyBits: 2048,
    })
    const { pem } = await exportCertificate(provider, bench.store, created.id)
    const certificate = new X509Certificate(pem)
    expect(created.subject).toBe('CN=Patchbay für Contoso, O=Contoso, C=DE')
    expect(created.thumbprint).toBe(certificate.fingerprint.replaceAll(':', ''))
    expect(created.thumbprintSha256).toMatch(/^[0-9A-F]{64}$/)
    expect(certificate.signatureAlgorithm).toMatch(/sha256/i)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(Date.parse(created.notAfter) - Date.parse(created.notBefore)).toBe(730 * dayMs)
    expect(Date.parse(created.notBefore)).toBeLessThan(Date.now())
    const stored = createPrivateKey((await privateKeyOf(created.id)) ?? '')
    expect(certificate.checkPrivateKey(stored)).toBe(true)
    expect(stored.asymmetricKeyDetails?.modulusLength).toBe(2048)
    expect(await readCertificate(provider, bench.store, created.id)).toEqual(created)
  })

  test('has 3072 bits and a year unless told otherwise, and never the same serial', async () => {
    const made = await Promise.all(
      [1, 2].map(() =>
        createCertificate(provider, bench.store, { ...named(), commonName: 'Patchbay' }),
      ),
    )
    const pems = await Promise.all(
      made.map(({ id }) => exportCertificate(provider, bench.store, id)),
    )
    const [first, second] = pems.map(({ pem }) => new X509Certificate(pem))
    expect(first?.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072)
    expect(first?.serialNumber).not.toBe(second?.serialNumber)
  })
})

describe('importing', () => {
  test('takes PEM in any order, with the rest of a chain', async () => {
    const own = certificateFor(key)
    const pem = [certificateFor(rsaKey()), own, key].join('\n')
    const brought = await bringCertificate(provider, bench.store, { ...named(), pem })
    expect(brought.thumbprint).toBe(new X509Certificate(own).fingerprint.replaceAll(':', ''))
    expect(await privateKeyOf(brought.id)).toBe(key)
    const { pem: shown } = await exportCertificate(provider, bench.store, brought.id)
    expect(shown).not.toContain('PRIVATE')
    expect(JSON.stringify(brought)).not.toContain('PRIVATE')
  })

  test('takes PFX with its password', async () => {
    const own = certificateFor(key)
    const pfx = pfxOf(key, own, 'pässword')
    const input = { ...named(), pfx, password: 'pässword' }
    const brought = await bringCertificate(provider, bench.store, input)
    expect(brought.thumbprint).toBe(new X509Certificate(own).fingerprint.replaceAll(':', ''))
    const wrong = bringCertificate(provider, bench.store, { ...named(), pfx, password: 'other' })
    expect((await failureOf(wrong)).fields[0]?.field).toBe('body.password')
  })

  const ecKey = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
  const encrypted = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
  const short = rsaKey(1024)
  const good = certificateFor(key)
  const sha1 = certificateFor(key, { digest: forge.md.sha1.create() })
  const md5 = certificateFor(key, { digest: forge.md.md5.create() })
  const expired = certificateFor(key, { days: -1 })
  // It began 20 days ago.
  const tenYears = certificateFor(key, { days: 3_650 })
  const overlong = certificateFor(key, { days: 713 })
  const garbage = good.replace(/\n[A-Za-z0-9+/]{10}/, '\nAAAAAAAAAA')

  test.each([
    ['another key', `${rsaKey()}${good}`, /belongs to none/],
    ['an EC key', `${ecKey}${good}`, /AADSTS700027/],
    ['a short key', `${short}${certificateFor(short)}`, /1024 bits/],
    ['an encrypted key', `${encrypted}${good}`, /encrypted/],
    ['SHA-1', `${key}${sha1}`, /SHA-256 or longer/],
    ['MD5', `${key}${md5}`, /SHA-256 or longer/],
    ['an expired certificate', `${key}${expired}`, /expired on 20/],
    ['ten years', `${key}${tenYears}`, /valid for 3670 days; at most two years/],
    ['a day more than two years', `${key}${overlong}`, /at most two years/],
    ['a long chain', `${key}${good.repeat(11)}`, /more than 10/],
    ['no key', good, /no private key/],
    ['two keys', `${key}${key}${good}`, /more than one/],
    ['no certificate', key, /no certificate/],
    ['a broken certificate', `${key}${garbage}`, /cannot be read/],
    ['something else', 'hello', /no private key/],
    ['an endless line', `-----BEGIN ${'A'.repeat(60_000)}`, /no private key/],
  ])('C5: refuses %s in PEM, naming the field', async (_what, pem, words) => {
    const failure = await failureOf(bringCertificate(provider, bench.store, { ...named(), pem }))
    expect(failure.code).toBe('bad-input')
    expect(failure.fields[0]?.field).toBe('body.pem')
    expect(failure.message).toMatch(words)
    expect(failure.message).not.toContain('PRIVATE')
  })

  test.each([
    ['what is no PFX', Buffer.from('hello').toString('base64'), 'body.pfx'],
    ['nothing', '', 'body.pfx'],
    ['a short key', pfxOf(short, certificateFor(short), 'p'), 'body.pfx'],
    ['an expired certificate', pfxOf(key, expired, 'p'), 'body.pfx'],
  ])('C5: refuses %s in PFX', async (_what, pfx, field) => {
    const input = { ...named(), pfx, password: 'p' }
    const failure = await failureOf(bringCertificate(provider, bench.store, input))
    expect(failure.fields[0]?.field).toBe(field)
  })

  test('C5: takes a certificate of two years', async () => {
    const pem = `${key}${certificateFor(key, { days: 711 })}`
    const brought = await bringCertificate(provider, bench.store, { ...named(), pem })
    expect(Date.parse(brought.notAfter) - Date.parse(brought.notBefore)).toBe(731 * dayMs)
  })

  test.each([
    ['none', pfxOf(key, good, ''), {}],
    ['an empty one', pfxOf(key, good, ''), { password: '' }],
    ['none given for one that has', pfxOf(key, good, 'p'), {}],
  ])('C5: refuses a PFX without its password: %s', async (_what, pfx, given) => {
    const input = { ...named(), pfx, ...given }
    const failure = await failureOf(bringCertificate(provider, bench.store, input))
    expect(failure.fields[0]?.field).toBe('body.password')
    expect(failure.message).toContain('is needed')
  })

  test('refuses both at once and neither', async () => {
    for (const input of [{}, { pem: key, pfx: 'AAAA' }]) {
      const work = bringCertificate(provider, bench.store, { ...named(), ...input })
      expect((await failureOf(work)).code).toBe('bad-input')
    }
  })

  test('C5: a PFX that would take for ever is given up, and the server goes on meanwhile', async () => {
    const der = Buffer.from(pfxOf(key, good, 'p'), 'base64').toString('latin1')
    const file = forge.asn1.fromDer(der)
    const rounds = file.value.at(-1)
    if (typeof rounds !== 'object' || typeof rounds.value === 'string') throw new Error('no MAC')
    rounds.value[2] = forge.asn1.create(
      forge.asn1.Class.UNIVERSAL,
      forge.asn1.Type.INTEGER,
      false,
      forge.asn1.integerToDer(0x7fffffff).getBytes(),
    )
    const hostile = Buffer.from(forge.asn1.toDer(file).getBytes(), 'latin1').toString('base64')
    let isGivenUp = false
    const opening = openPfx(hostile, 'p', 1_000).finally(() => {
      isGivenUp = true
    })
    // Were it this thread that opens it, nothing else would be done before the end.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isGivenUp).toBe(false)
    expect((await failureOf(opening)).message).toMatch(/too long/)
  })
})

describe('keeping', () => {
  test('names are taken once per node', async () => {
    const input = { ...named(), pem: `${key}${certificateFor(key)}` }
    await bringCertificate(provider, bench.store, input)
    const again = await failureOf(bringCertificate(provider, bench.store, input))
    expect([again.code, again.fields[0]?.field]).toEqual(['conflict', 'body.name'])
    const elsewhere = { ...input, nodeId: sibling.id }
    expect((await bringCertificate(provider, bench.store, elsewhere)).nodeId).toBe(sibling.id)
  })

  test('is deleted by name, not while a tenant uses it, and the key with it', async () => {
    const input = { ...named(), pem: `${key}${certificateFor(key)}` }
    const { id, name } = await bringCertificate(provider, bench.store, input)
    const site = await addNode(bench, customer.id, 'site', `Site ${id}`)
    const graph = { clientId: contosoId, tenantId: contosoId, certificateId: id }
    const place = { nodeId: site.id, name: 'Contoso Berlin' }
    await createTenant(provider, bench.store, directory, { ...place, graph })
    const used = await failureOf(
      deleteCertificate(provider, bench.store, { certificateId: id, confirm: name }),
    )
    expect([used.code, used.message]).toEqual(['conflict', expect.stringContaining(place.name)])

    const free = await bringCertificate(provider, bench.store, { ...named(), pem: input.pem })
    const asked = await failureOf(
      deleteCertificate(provider, bench.store, { certificateId: free.id }),
    )
    expect(asked.code).toBe('confirmation-required')
    await deleteCertificate(provider, bench.store, { certificateId: free.id, confirm: free.name })
    expect(await privateKeyOf(free.id)).toBeUndefined()
    const gone = await failureOf(readCertificate(provider, bench.store, free.id))
    expect(gone.code).toBe('not-found')
  })

  test('is seen within its scope only', async () => {
    const input = { ...named(), pem: `${key}${certificateFor(key)}` }
    const { id, name } = await bringCertificate(provider, bench.store, input)
    const other = actorAt(sibling.path)
    const asks = [
      readCertificate(other, bench.store, id),
      exportCertificate(other, bench.store, id),
      deleteCertificate(other, bench.store, { certificateId: id, confirm: name }),
      bringCertificate(other, bench.store, { ...input, name: 'Mine' }),
    ]
    const codes = await Promise.all(asks.map(async (ask) => (await failureOf(ask)).code))
    expect(new Set(codes)).toEqual(new Set(['not-found']))
    const seen = await listCertificates(other, bench.store, {})
    expect(seen.items.every((item) => item.nodeId === sibling.id)).toBe(true)
    const page = await listCertificates(provider, bench.store, { limit: 1 })
    const after = page.next ?? ''
    expect((await listCertificates(provider, bench.store, { limit: 1, after })).items).not.toEqual(
      page.items,
    )
  })
})
