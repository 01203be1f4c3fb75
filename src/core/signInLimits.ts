/** The bounds of passwords, sessions, tokens and what leads to them; part of `limits`. */
export const signInLimits = {
  /**
   * Passwords: characters (NIST SP 800-63B-4: 15 where it is the only factor; at least 64 fit),
   * argon2id as OWASP has it (memory in KiB, passes, lanes), checks at once and waiting for one.
   */
  passwordCharsMin: 15,
  passwordCharsMax: 256,
  passwordMemoryKib: 19_456,
  passwordPasses: 2,
  passwordLanes: 1,
  passwordChecksAtOnce: 2,
  passwordChecksWaiting: 200,
  /**
   * Sign-in: failures without a delay, of one login at one place, of one login at all unknown
   * places, of one address at all logins; the first delay, which doubles, and the longest; how long
   * failures are remembered, and browsers from which somebody signed in.
   */
  signInFailuresFree: 5,
  signInLoginFailuresFree: 50,
  signInAddressFailuresFree: 50,
  signInDelayMs: 1_000,
  signInDelayMaxMs: 15 * 60_000,
  signInForgetMs: 24 * 60 * 60_000,
  knownDeviceMs: 180 * 24 * 60 * 60_000,
  /** Sessions: without a request, at most, kept when over, how often their use is noted. */
  sessionIdleMs: 60 * 60_000,
  sessionMs: 12 * 60 * 60_000,
  sessionKeepMs: 30 * 24 * 60 * 60_000,
  seenEveryMs: 60_000,
  /** API tokens: days until they end. */
  tokenDaysDefault: 90,
  tokenDaysMax: 365,
  /** What works once: an invitation, a round trip to a sign-in page, a command line's code. */
  invitationMs: 3 * 24 * 60 * 60_000,
  roundTripMs: 10 * 60_000,
  commandLineCodeMs: 60_000,
  consentLinkMs: 24 * 60 * 60_000,
  /** Event streams: how soon somebody's rights are looked at again when nothing was told. */
  accessCheckMs: 10_000,
  /** OpenID providers of one server, bytes of one answer of theirs, and the wait for it. */
  openIdProvidersMax: 8,
  openIdAnswerBytes: 1024 * 1024,
  openIdMs: 15_000,
} as const
