/**
 * api: what Cordon says over HTTP, apart from the apps: the identity host, the console host, the agents' host, the decision
 * point for applications and the control socket.
 *
 * Owns the routes and their answers, who may call them, and the built console's files. Never decides by itself who may do what (policy
 * does), never keeps state, and never answers a request that another site made the browser send.
 */
export { type Api, createApi } from './api.ts';
export type { ApiServices, LiveGateway } from './services.ts';
