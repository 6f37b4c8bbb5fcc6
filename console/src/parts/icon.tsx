import type { ReactNode } from 'react';

/** Line drawings on a 24 × 24 grid. */
const PATHS = {
  overview: 'M4 13a8 8 0 1 1 16 0M12 13l4-4M4 18h16',
  assets: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  apps: 'M5 21V4h14v17M3 21h18M15 12v1.500',
  decisions: 'M3 12h4l3-8 4 16 3-8h4',
  people:
    'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-6 7-6s7 2 7 6M16 3.5a4 4 0 0 1 0 7M18 15.500c2.500.8 4 2.600 4 5.500',
  devices: 'M4 5h16v11H4zM2 20h20M10 16l-.5 4M14 16l.5 4',
  segments: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6zM10 7h4M7 10v4',
  alerts: 'M12 3l10 18H2zM12 10v5M12 18v.2',
  policies: 'M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M2 12h2M20 12h2M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400',
  moon: 'M20 14.500A8.500 8.500 0 1 1 9.500 4a7 7 0 0 0 10.500 10.500z',
  system: 'M3 5h18v11H3zM8 20h8M12 16v4',
  keyboard: 'M3 6h18v12H3zM7 10v.1M11 10v.1M15 10v.1M17 14v.1M7 14v.1M10 14h4',
  arrow: 'M5 12h14M13 6l6 6-6 6',
  play: 'M7 4l13 8-13 8z',
  pause: 'M8 5v14M16 5v14',
} as const;

/** The name of a drawing. */
export type IconName = keyof typeof PATHS;

/** A drawing beside a word that says the same; screen readers skip it. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="icon"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
