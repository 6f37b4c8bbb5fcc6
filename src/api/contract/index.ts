/**
 * contract: what the HTTP API says, as data: route tables and zod schemas. The console imports this and nothing else.
 *
 * Owns the names of routes and fields. Never imports the server, so that a browser bundle can hold it.
 */
export { CONTROL_ROUTES } from './control.ts';
export { IDENTITY_ROUTES } from './identity.ts';
export { type BodyOf, type ParamsOf, type QueryOf, type ResponseOf, type RouteShape, routeUrl } from './route.ts';
export {
  alertView,
  appView,
  assetDetailView,
  assetView,
  bundleView,
  checkView,
  configurationChangeView,
  connectionView,
  decisionClientView,
  deviceView,
  errorView,
  eventView,
  explanationView,
  groupView,
  importView,
  invitationView,
  planView,
  policiesView,
  problemView,
  probeView,
  replayView,
  searchView,
  sessionView,
  statusView,
  traceView,
  userView,
  verifyView,
  workloadView,
} from './views.ts';
