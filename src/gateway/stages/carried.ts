import { need, refuse, type Stage, type StageResult } from '../exchange.ts';

/** Refuses to carry the requests of an app that another proxy carries: its limits and its network rules would not hold here. */
export const carried: Stage = {
  name: 'carried',
  run: (exchange): StageResult =>
    need(exchange, 'app').enforcedBy === undefined
      ? undefined
      : refuse(421, 'enforced-elsewhere', 'a proxy in front of the app carries its requests, and asks about each'),
};
