/** The last day (UTC) on which a release receives security updates without a separate contract. */
export interface Release {
  readonly id: string;
  readonly version: string;
  readonly until: string;
}

/**
 * End of free security support, by the `ID` and `VERSION_ID` of `os-release(5)`. Debian: end of LTS. Ubuntu: end of standard
 * support. The RHEL family is listed by major version.
 */
export const RELEASES: readonly Release[] = [
  { id: 'debian', version: '9', until: '2022-06-30' },
  { id: 'debian', version: '10', until: '2024-06-30' },
  { id: 'debian', version: '11', until: '2026-08-31' },
  { id: 'debian', version: '12', until: '2028-06-30' },
  { id: 'debian', version: '13', until: '2030-06-30' },
  { id: 'ubuntu', version: '18.04', until: '2023-05-31' },
  { id: 'ubuntu', version: '20.04', until: '2025-05-31' },
  { id: 'ubuntu', version: '22.04', until: '2027-04-30' },
  { id: 'ubuntu', version: '24.04', until: '2029-04-30' },
  { id: 'ubuntu', version: '24.10', until: '2025-07-10' },
  { id: 'ubuntu', version: '25.04', until: '2026-01-15' },
  { id: 'ubuntu', version: '25.10', until: '2026-07-09' },
  { id: 'ubuntu', version: '26.04', until: '2031-04-30' },
  { id: 'rhel', version: '7', until: '2024-06-30' },
  { id: 'rhel', version: '8', until: '2029-05-31' },
  { id: 'rhel', version: '9', until: '2032-05-31' },
  { id: 'rhel', version: '10', until: '2035-05-31' },
  { id: 'centos', version: '7', until: '2024-06-30' },
  { id: 'centos', version: '8', until: '2024-05-31' },
  { id: 'centos', version: '9', until: '2027-05-31' },
  { id: 'centos', version: '10', until: '2030-01-01' },
  { id: 'rocky', version: '8', until: '2029-05-31' },
  { id: 'rocky', version: '9', until: '2032-05-31' },
  { id: 'rocky', version: '10', until: '2035-05-31' },
  { id: 'almalinux', version: '8', until: '2029-03-01' },
  { id: 'almalinux', version: '9', until: '2032-05-31' },
  { id: 'almalinux', version: '10', until: '2035-05-31' },
  { id: 'ol', version: '8', until: '2029-07-31' },
  { id: 'ol', version: '9', until: '2032-06-30' },
  { id: 'ol', version: '10', until: '2035-06-30' },
  { id: 'amzn', version: '2018.03', until: '2023-12-31' },
  { id: 'amzn', version: '2', until: '2026-06-30' },
  { id: 'amzn', version: '2023', until: '2029-06-30' },
];

const BY_MAJOR: ReadonlySet<string> = new Set(['debian', 'rhel', 'centos', 'rocky', 'almalinux', 'ol']);

/** Finds the release of an operating system; undefined when the table does not know it. */
export function findRelease(id: string, versionId: string): Release | undefined {
  const version = BY_MAJOR.has(id) ? (versionId.split('.')[0] ?? '') : versionId;
  return RELEASES.find((release) => release.id === id && release.version === version);
}
