/** Bounds that the product keeps to, whatever a policy asks: expression -> least and most. */
export const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  'context.session.aal': [1, 3],
  'context.session.ageSeconds': [0, Infinity],
  'context.device.postureAgeSeconds': [0, Infinity],
  'context.risk.user': [0, 100],
  'context.risk.device': [0, 100],
  'context.port': [0, 65_535],
  'resource.tier': [0, 3],
  'resource.asset.tier': [0, 3],
};
