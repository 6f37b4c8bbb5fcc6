/**
 * policy-analysis: what policies say beyond one decision: their tests, explanations, who can do what, and what is wrong with them.
 *
 * The second front of the area policy: it looks into compiled policies, which nobody outside may. Owns clauses, coverage, explanations,
 * searches and lint. Never decides for the product: its answers grant nothing.
 */
export type { CoverageReport, UncoveredPolicy } from './bundle-test/coverage.ts';
export { runPolicyTests, type TestCase, type TestReport } from './bundle-test/run-tests.ts';
export type {
  PolicyTest,
  PolicyTestFile,
  TestApp,
  TestAsset,
  TestCircumstances,
  TestPerson,
  TestQuestion,
  TestWorkload,
} from './bundle-test/test-file.ts';
export { policyTexts, TEST_ENDING } from '../load.ts';
export { type KnownEntities, lintPolicies } from './lint/lint.ts';
export { type AccessExplanation, explainAccess, type ExplainInput, waysIn } from './explain/explain-access.ts';
export type { ExplainedClause, ExplainedPolicy, Explanation } from './explain/explain-question.ts';
export { ASSUMPTIONS } from './assumed.ts';
export { type OpenAnswer } from './search/open-policies.ts';
export {
  type Doing,
  type Found,
  type KnownRequest,
  type SearchBasis,
  thingName,
  whatCan,
  whatCanNow,
  whoCan,
  whoCanNow,
} from './search/search.ts';
