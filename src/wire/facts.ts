/** Something an agent looked at: the value it saw, or why it could not see one. An absent tool is `unknown`, never a value. */
export type Observed<T> = { readonly value: T } | { readonly unknown: string };

/** The operating system's release, from `os-release(5)`. */
export interface OsRelease {
  readonly id: string;
  readonly idLike: readonly string[];
  /** Empty for rolling and testing releases, which name no version. */
  readonly versionId: string;
  readonly prettyName: string;
  readonly kernel: string;
}

/** What the host runs on: what can be seen of its disks and its clock depends on it. */
export interface Virtualization {
  readonly kind: 'none' | 'vm' | 'container';
  readonly product: string;
}

/** What the package manager would install from a security source. */
export interface SecurityUpdates {
  readonly manager: 'apt' | 'dnf';
  readonly pending: number;
  /** Names of pending packages, at most `WIRE_LIMITS.packages`. */
  readonly packages: readonly string[];
  /** Age of the package index in seconds; absent when nothing tells. */
  readonly indexAgeSeconds?: number;
  readonly rebootRequired: boolean;
}

/** A mounted file system or swap space and whether a layer below it encrypts. */
export interface Mount {
  /** Mount point, or `[SWAP]`. */
  readonly mountpoint: string;
  readonly device: string;
  readonly encrypted: boolean;
}

/** A base chain on the input hook. */
export interface InputChain {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly policy: 'accept' | 'drop';
  /** True when the chain ends in an unconditional drop or reject. */
  readonly terminalDrop: boolean;
}

/** The effective settings of the SSH server, or that there is none. */
export interface SshServer {
  readonly installed: boolean;
  readonly permitRootLogin: string;
  readonly passwordAuthentication: string;
  readonly keyboardInteractive: string;
}

/** Whether the kernel's clock follows a source. */
export interface TimeSync {
  readonly synchronized: boolean;
  readonly source: string;
}

/** Everything an agent observes of its host. It never says whether that is good: the server judges. */
export interface Facts {
  readonly hostname: string;
  readonly os: Observed<OsRelease>;
  readonly virtualization: Observed<Virtualization>;
  readonly securityUpdates: Observed<SecurityUpdates>;
  readonly mounts: Observed<readonly Mount[]>;
  readonly inputChains: Observed<readonly InputChain[]>;
  readonly sshServer: Observed<SshServer>;
  readonly timeSync: Observed<TimeSync>;
}
