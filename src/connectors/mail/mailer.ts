import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { OpenSocket, Socket } from '../../net/socket.ts'

/** The server that takes our mail, as the operator configured it. */
export interface MailSettings {
  host: string
  port: number
  /** TLS from the first byte, or after STARTTLS, which is then required; `none` without a user. */
  security: 'tls' | 'starttls' | 'none'
  from: string
  user?: string | undefined
  password?: Sealed | undefined
  ca?: string | undefined
  allowedAddresses?: readonly string[] | undefined
}

export interface Mail {
  /** Stays the same from try to try, so that a mailbox can tell a repetition. */
  id: string
  to: string
  subject: string
  text: string
  sentAt: Date
}

/** Throws `unavailable`; whether the mail was taken is then not known. */
export type SendMail = (mail: Mail) => Promise<void>

/**
 * Text only: nothing in a mail of ours is ever read as HTML. Envelope and headers are given apart
 * and not as lines, so that no value can add one. nodemailer opens no socket, file or URL itself.
 * `sendMs` in real time: all of it, however slowly the server goes on.
 */
export function createMailer(
  openSocket: OpenSocket,
  settings: MailSettings,
  sendMs: number = limits.alertSendMs,
): SendMail {
  const { host, port, security, from, user, password, ca, allowedAddresses } = settings
  const domain = from.slice(from.lastIndexOf('@') + 1)
  return async ({ id, to, subject, text, sentAt }) => {
    // Brought with the first mail: most servers send none for days.
    const { createTransport } = await import('nodemailer')
    let socket: Socket | undefined
    const timer = setTimeout(() => socket?.destroy(), sendMs)
    const transport = createTransport({
      ...{ host, port, secure: security === 'tls', requireTLS: security === 'starttls' },
      ignoreTLS: security === 'none',
      tls: { minVersion: 'TLSv1.2', ...(ca && { ca }) },
      ...(user !== undefined && { auth: { user, pass: password?.reveal() ?? '' } }),
      ...{ disableFileAccess: true, disableUrlAccess: true },
      getSocket: (_options, done) => {
        openSocket({ host, port, allowedAddresses }).then(
          (connection) => {
            socket = connection
            done(null, { connection })
          },
          (error: Error) => done(error, false),
        )
      },
    })
    try {
      await transport.sendMail({
        ...{ from, to: { name: '', address: to }, envelope: { from, to: [to] } },
        ...{ subject: oneLine(subject), text, date: sentAt, messageId: `<${id}@${domain}>` },
        // RFC 3834: out-of-office answers and the like stay away.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError(
        'unavailable',
        `The mail server ${host} did not take the mail${replyOf(cause)}.`,
        { cause },
      )
    } finally {
      clearTimeout(timer)
      transport.close()
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** The number alone: what a server says beside it may repeat what it was told. */
function replyOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'responseCode') : undefined
  return typeof code === 'number' ? ` (it answered ${code})` : ''
}
