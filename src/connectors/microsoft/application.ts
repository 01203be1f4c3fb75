import type { Sealed } from '../../core/secret.ts'
import type { WebProxy } from '../../net/destination.ts'
import type { Cloud } from './clouds.ts'

/** An app registration as it is used in one tenant: who asks for tokens. */
export interface Application {
  cloud: Cloud
  tenantId: string
  clientId: string
  /**
   * Changes whenever secret or certificate is replaced, and tells nothing about them. A token got
   * with older credentials is not used for newer ones, nor is their rejection.
   */
  credentialVersion: string
  /** Opens the vault. Called once per token request, not per call. */
  credentials(): Promise<Credentials>
  proxy?: WebProxy | undefined
}

/** The secret is used when both are there. */
export interface Credentials {
  clientSecret?: Sealed | undefined
  certificate?: CertificateCredential | undefined
}

export interface CertificateCredential {
  privateKeyPem: Sealed
  certificatePem: string
}
