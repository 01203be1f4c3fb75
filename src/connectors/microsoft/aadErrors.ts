import { AppError, type ErrorCode } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'

interface Meaning {
  code: ErrorCode
  /** What is wrong, and what to do: two sentences for an administrator. */
  words: string
}

const rejected = (words: string): Meaning => ({ code: 'credentials-rejected', words })
const consent = (words: string): Meaning => ({ code: 'consent-missing', words })
const refused = (words: string): Meaning => ({ code: 'microsoft-refused', words })
const unavailable: Meaning = {
  code: 'microsoft-unavailable',
  words: "Microsoft's sign-in service has a fault of its own. Trying again later helps.",
}
const signInByPerson = (words: string): Meaning =>
  refused(`${words} Use an app registration with a secret or certificate, without a user.`)

/** The AADSTS numbers an administrator meets, by learn.microsoft.com reference-error-codes. */
const meanings: Readonly<Record<number, Meaning>> = {
  16000: signInByPerson('A person would have to choose an account.'),
  50001: consent('The service asked for is not present in the tenant. Grant admin consent there.'),
  50034: refused('The user does not exist in this tenant. Check the user name and the tenant id.'),
  50053: refused('The account is locked after too many attempts. Wait, or unlock it in Entra ID.'),
  50055: rejected("The user's password has expired. Set a new one and enter it here."),
  50057: refused('The user account is disabled. Enable it in Entra ID, or use another account.'),
  50058: signInByPerson('A person would have to sign in.'),
  50076: signInByPerson('The tenant asks for multi-factor authentication.'),
  50079: signInByPerson('The account must first register for multi-factor authentication.'),
  50105: consent(
    'The account is not assigned to the application. Assign it under Enterprise applications.',
  ),
  50126: rejected('User name or password is wrong. Enter the right ones.'),
  50158: signInByPerson('An outside security check has to be passed.'),
  50173: rejected(
    'The sign-in was withdrawn, for instance by a new password. Enter the credentials again.',
  ),
  53000: refused(
    'Conditional Access asks for a managed device. Exclude this application from the policy.',
  ),
  53003: refused(
    'Conditional Access blocks this application. An administrator of the tenant has to exclude it from the policy, or allow the address of this server.',
  ),
  65001: consent('Nobody has consented to this application in the tenant. Grant admin consent.'),
  65004: consent('The administrator declined the consent. Grant admin consent.'),
  70003: refused('This way to sign in is not supported for the application.'),
  70011: refused(
    'The scope asked for is not valid in this cloud. Check which cloud the tenant is in.',
  ),
  90002: {
    code: 'microsoft-not-found',
    words: 'There is no such tenant. Check the tenant id and that the right cloud is chosen.',
  },
  90013: refused('Microsoft calls the request invalid.'),
  90033: unavailable,
  90094: consent('The permissions need an administrator of the tenant. Grant admin consent.'),
  90099: consent('The application is not authorised in the tenant. Grant admin consent.'),
  500011: consent(
    'The service asked for is not present in the tenant. Check tenant and cloud, then grant admin consent.',
  ),
  500014: refused(
    "The service is disabled in the tenant. Enable it under the tenant's Enterprise applications.",
  ),
  530003: refused(
    'Conditional Access asks for a registered device. Exclude this application from the policy.',
  ),
  700003: refused('The device was removed from the tenant.'),
  700016: rejected(
    'The application id is not known in this tenant. Check client id and tenant id, and that admin consent was given there.',
  ),
  700022: refused('More than one service was asked for at once.'),
  700024: rejected(
    "The certificate's proof is not within its time. Check the clock of this server.",
  ),
  700027: rejected(
    'The certificate is not among those of the app registration, has expired, or was uploaded a moment ago. Upload it and allow a minute or two before the next test.',
  ),
  700030: rejected('The certificate does not fit this application. Upload the right one.'),
  700038: rejected(
    'The client id is not a valid application id. Enter the one shown in the app registration.',
  ),
  700051: refused('The application may not sign in this way.'),
  700082: rejected('The sign-in has expired after long disuse. Give the credentials again.'),
  900021: {
    code: 'bad-input',
    words: 'The tenant id is empty. Enter the id or a domain of the tenant.',
  },
  900023: {
    code: 'microsoft-not-found',
    words: 'The tenant is neither an id nor a domain Microsoft knows. Enter the tenant id.',
  },
  900382: refused(
    'The application may not be used from this cloud. Check which cloud the tenant is in.',
  ),
  1002012: refused('The scope does not end in /.default. Check the cloud in the configuration.'),
  7000112: refused(
    'The application is disabled in the tenant. Enable it under Enterprise applications.',
  ),
  7000215: rejected('The client secret is wrong. Enter the value of the secret, not its id.'),
  7000216: rejected('Neither a secret nor a certificate was sent. Enter one of them.'),
  7000218: rejected('Neither a secret nor a certificate was sent. Enter one of them.'),
  7000222: rejected(
    'The client secret has expired. Create a new one in the app registration and enter it here.',
  ),
  5000224: refused(
    "Microsoft has blocked the tenant or what it asks for. The tenant's administrator has to ask Microsoft's support why.",
  ),
  5000225: refused(
    "Microsoft has blocked the tenant because nobody used it. The tenant's administrator has to ask Microsoft's support to open it again.",
  ),
  7000229: consent('The application has no service principal in the tenant. Grant admin consent.'),
}

/**
 * What the sign-in service refused, by its numbers only: the description holds ids of the request
 * and changed its form over the years. `certificateEnded`: when the one that was sent ended; the
 * number is the same for one that is unknown there.
 */
export function signInError(
  status: number,
  body: unknown,
  retryAfterMs?: number,
  certificateEnded?: Date,
): AppError {
  const number = firstNumber(body)
  const ended = number === 700027 ? certificateEnded : undefined
  const meaning = ended === undefined ? meaningOf(status, number) : endedCertificate(ended)
  const name = number === undefined ? `HTTP ${status}` : `AADSTS${number}`
  const requestId = isJsonObject(body) && typeof body.trace_id === 'string' ? body.trace_id : ''
  return new AppError(meaning.code, `Microsoft gave no token (${name}). ${meaning.words}`, {
    foreignCode: name,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(/^[\w-]{1,64}$/.test(requestId) ? { foreignRequestId: requestId } : {}),
  })
}

function endedCertificate(ended: Date): Meaning {
  return rejected(
    `The certificate ended on ${ended.toISOString().slice(0, 10)}. Make a new one, upload it in the app registration and choose it for the tenant.`,
  )
}

function meaningOf(status: number, number: number | undefined): Meaning {
  const known = number === undefined ? undefined : meanings[number]
  if (known !== undefined) return known
  if (status === 429) {
    return { code: 'microsoft-throttled', words: 'Too many sign-ins at once. It is tried again.' }
  }
  if (status >= 500) return unavailable
  if (status === 401) return rejected('The credentials were not accepted. Check them.')
  return refused('Look the number up at https://login.microsoftonline.com/error to learn why.')
}

function firstNumber(body: unknown): number | undefined {
  if (!isJsonObject(body) || !Array.isArray(body.error_codes)) return undefined
  const [first] = body.error_codes
  return typeof first === 'number' && Number.isSafeInteger(first) ? first : undefined
}
