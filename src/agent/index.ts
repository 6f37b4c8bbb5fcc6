/**
 * agent: Cordon on a host: it proves which host it is, says what it sees, and applies the firewall program it is given.
 *
 * Owns the device key, the enrolment, the facts it collects, and the nftables table `inet cordon`. Never judges what it sees, never
 * decides what may pass, never opens the firewall when it loses the server, and never sends its key anywhere.
 */
export { type AgentOptions, enrolAgent, runAgent, showPosture, showProgram } from './agent.ts';
