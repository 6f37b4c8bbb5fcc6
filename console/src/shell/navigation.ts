import type { IconName } from '../parts/icon.tsx';

/** The pages, in the order of the loop, with the letter that follows `g`. */
export const NAVIGATION = [
  { to: '/', title: 'Overview', icon: 'overview', letter: 'o' },
  { to: '/assets', title: 'Assets', icon: 'assets', letter: 'a' },
  { to: '/apps', title: 'Apps', icon: 'apps', letter: 'b' },
  { to: '/decisions', title: 'Live decisions', icon: 'decisions', letter: 'l' },
  { to: '/people', title: 'People', icon: 'people', letter: 'p' },
  { to: '/devices', title: 'Devices', icon: 'devices', letter: 'd' },
  { to: '/segments', title: 'Segments', icon: 'segments', letter: 's' },
  { to: '/alerts', title: 'Alerts', icon: 'alerts', letter: 't' },
  { to: '/policies', title: 'Policies', icon: 'policies', letter: 'y' },
] as const satisfies readonly { to: string; title: string; icon: IconName; letter: string }[];
