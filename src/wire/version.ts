/**
 * Version of the messages between agent and server. A change that an older peer would misread is a new version.
 *
 * History, newest last (version, date, what it brought):
 * 1 2026-11-23 enrol, renew, report and instruction
 */
export const WIRE_VERSION = 1;
