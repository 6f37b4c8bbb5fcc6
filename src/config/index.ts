/**
 * config: `cordon.yaml` and the policy files beside it, from text to one checked document, and from that to the store.
 *
 * Owns the schema with its defaults, positions in messages, the difference between a document and what is in force, and its application
 * in one transaction. Never applies half a document, and never guesses what an unknown key meant.
 */
export { applyConfiguration, type ConfigurationChange, diffConfiguration } from './apply.ts';
export { isLoopback } from './configuration.ts';
export type {
  AcmeSettings,
  AuthzenModel,
  Configuration,
  DeclaredWorkload,
  ExternalTraffic,
  ForwardAuthSettings,
  ListenAddress,
} from './configuration.ts';
export { type ConfigurationSource, defaultConfiguration, loadConfiguration, parseConfiguration } from './load.ts';
export { runBundleTests } from './policy-tests.ts';
export { readPolicies } from './read-policies.ts';
export { restartProblems } from './restart.ts';
