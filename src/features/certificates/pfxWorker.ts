import { parentPort, workerData } from 'node:worker_threads'
import forge from 'node-forge'
import type { PfxAnswer } from './pfx.ts'

parentPort?.postMessage(open(workerData.base64, workerData.password))

function open(base64: string, password: string): PfxAnswer {
  const file = parse(base64)
  if (file === undefined) return { field: 'pfx', problem: 'is not a PFX file in base64.' }
  const opened = decrypt(file, password)
  if (opened === undefined) {
    return { field: 'password', problem: 'does not open the PFX file, or it is damaged.' }
  }
  return { pem: blocksOf(opened).join('\n') }
}

function parse(base64: string): forge.asn1.Asn1 | undefined {
  try {
    return forge.asn1.fromDer(forge.util.decode64(base64.replace(/\s/g, '')))
  } catch {
    return undefined
  }
}

function decrypt(file: forge.asn1.Asn1, password: string): forge.pkcs12.Pkcs12Pfx | undefined {
  try {
    return forge.pkcs12.pkcs12FromAsn1(file, true, password)
  } catch {
    return undefined
  }
}

/** Bags that forge cannot make sense of (an EC key, say) still hold their DER. */
function blocksOf({ safeContents }: forge.pkcs12.Pkcs12Pfx): string[] {
  return safeContents
    .flatMap(({ safeBags }) => safeBags)
    .flatMap((bag) => {
      if (bag.key)
        return [
          forge.pki.privateKeyInfoToPem(
            forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)),
          ),
        ]
      if (bag.cert) return [forge.pki.certificateToPem(bag.cert)]
      if (bag.type === forge.pki.oids.certBag) return [pemOf('CERTIFICATE', bag.asn1)]
      return bag.asn1 ? [pemOf('PRIVATE KEY', bag.asn1)] : []
    })
}

function pemOf(type: string, der: forge.asn1.Asn1): string {
  return forge.pem.encode({ type, body: forge.asn1.toDer(der).getBytes() })
}
