import type { AppError } from '../../core/errors.ts'
import type { Sealed } from '../../core/secret.ts'
import type { WebProxy } from '../../net/destination.ts'
import type { Cloud } from './clouds.ts'

/** An app registration as it is used in one tenant: who asks for tokens. */
export interface Application extends Credential {
  cloud: Cloud
  tenantId: string
  clientId: string
  proxy?: WebProxy | undefined
  /** What is used while the credential itself is refused. */
  standIn?: StandIn | undefined
}

export interface StandIn extends Credential {
  /** Told when a process begins to use it, and why. */
  stepsIn(refusal: AppError): Promise<void>
}

/** What an application proves itself with. */
export interface Credential {
  /**
   * Changes whenever secret or certificate is replaced, and tells nothing about them. A token got
   * with older credentials is not used for newer ones, nor is their rejection.
   */
  credentialVersion: string
  /** Opens the vault. Called once per token request, not per call. */
  credentials(): Promise<Credentials>
  /** What all processes remember of it; without one, this process alone does. */
  watch?: CredentialWatch | undefined
}

export interface CredentialWatch {
  /**
   * A refusal that stands until `quietUntil` and is repeated without asking. Undefined: ask; after
   * a refusal one caller gets that, and the others the refusal for another while.
   */
  standing(): Promise<{ refusal: AppError; quietUntil: number } | undefined>
  refused(refusal: AppError, quietUntil: number): Promise<void>
  granted(): Promise<void>
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
