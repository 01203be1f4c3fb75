/** The bounds of the emulated tenant; part of `limits`. */
export const emulatorLimits = {
  /** Changes kept for delta, calls and schema violations kept, largest request. */
  emulatorChangesMax: 200_000,
  emulatorCallsMax: 100_000,
  emulatorViolationsMax: 1_000,
  emulatorRequestBytes: 4 * 1024 * 1024,
  /** Of a request that is too large so much is read before it is cut off. */
  emulatorDrainBytes: 64 * 1024 * 1024,
  /** How long a page token is known, objects of one page of delta. */
  emulatorPageTokenMs: 15 * 60_000,
  emulatorDeltaPage: 200,
  /** How far a client's clock may be off; brackets within brackets of a filter. */
  emulatorClockSkewMs: 5 * 60_000,
  emulatorFilterDepthMax: 20,
  /** Managers of managers that one answer shows. */
  emulatorLevelsMax: 1_000,
  /**
   * Notifications, as documented: an address proves itself within, an answer comes within, counts
   * as slow after, is looked at over; attempts go on for, waiting at most.
   */
  emulatorValidationMs: 10_000,
  emulatorNotifyMs: 30_000,
  emulatorNotifySlowMs: 10_000,
  emulatorNotifyHealthMs: 10 * 60_000,
  emulatorNotifyTryMs: 4 * 60 * 60_000,
  emulatorNotifyRetryMaxMs: 10 * 60_000,
  /** A subscription asked to be authorized again goes on for so long. */
  emulatorReauthorizeMs: 60 * 60_000,
  /**
   * Notifications in one request, requests that wait and that are under way, bytes of an answer to
   * one, answers of one address remembered.
   */
  emulatorNotifyItemsMax: 100,
  emulatorNotifyQueueMax: 10_000,
  emulatorNotifyInFlight: 16,
  emulatorNotifyAnswerBytes: 64 * 1024,
  emulatorNotifySamplesMax: 1_000,
} as const
