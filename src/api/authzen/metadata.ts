/** The model of Cordon's own apps, which is asked at the root. */
export const OWN_MODEL = 'cordon';
/** Where metadata are; the path of a decision point's identifier follows. @see RFC 8615 */
export const METADATA_PATH = '/.well-known/authzen-configuration';

/** The identifier of a model's decision point, as a URL. */
export function decisionPoint(origin: string, modelId: string): string {
  return modelId === OWN_MODEL ? origin : `${origin}/${modelId}`;
}

/** What a client has to know of a decision point. */
export function metadataOf(origin: string, modelId: string): object {
  const identifier = decisionPoint(origin, modelId);
  return {
    policy_decision_point: identifier,
    access_evaluation_endpoint: `${identifier}/access/v1/evaluation`,
    access_evaluations_endpoint: `${identifier}/access/v1/evaluations`,
    search_subject_endpoint: `${identifier}/access/v1/search/subject`,
    search_resource_endpoint: `${identifier}/access/v1/search/resource`,
    search_action_endpoint: `${identifier}/access/v1/search/action`,
  };
}
