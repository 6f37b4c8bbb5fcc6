// What a lockfile of npm lacks: entries for the optional packages of other platforms.

/**
 * @typedef {object} Entry
 * @property {string} [version]
 * @property {string | undefined} [license]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Readonly<Record<string, string>>} [engines]
 * @property {Readonly<Record<string, string>>} [optionalDependencies]
 */

const OS = ['linux', 'darwin', 'win32', 'android', 'freebsd', 'openharmony'];
const CPU = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32'];

/**
 * The platform that the name of a package tells, as npm notes it: `binding-linux-arm64-musl` is for Linux on arm64 with musl.
 * @param {string} name
 * @returns {{ os: string[], cpu: string[], libc?: string[] }}
 */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = words.filter((word) => OS.includes(word));
  const cpu = words.filter((word) => CPU.includes(word));
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`the name of \`${name}\` does not tell its platform`);
  if (os[0] !== 'linux' || cpu[0] === 'arm') return { os, cpu };
  return { os, cpu, libc: [words.includes('musl') ? 'musl' : 'glibc'] };
}

/**
 * Where Node finds `name` from the package at `path`: beside it, or in a folder above.
 * @param {Readonly<Record<string, Entry>>} packages
 * @param {string} path
 * @param {string} name
 * @returns {boolean}
 */
function isThere(packages, path, name) {
  if (packages[`${path === '' ? '' : `${path}/`}node_modules/${name}`] !== undefined) return true;
  return path !== '' && isThere(packages, path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1)), name);
}

/**
 * The entries that `npm ci` would miss, without checksums.
 * @param {{ packages: Readonly<Record<string, Entry>> }} lockfile
 * @returns {{ path: string, entry: Entry }[]}
 */
export function missingEntries({ packages }) {
  return Object.entries(packages).flatMap(([path, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([name]) => !isThere(packages, path, name))
      .map(([name, version]) => {
        if (!/^\d/.test(version)) throw new Error(`\`${path}\` asks for \`${name}\` in no exact version`);
        const { license, dev } = parent;
        const { os, cpu, libc } = platformOf(name);
        // In the order in which npm writes them, so that it changes nothing when it writes the file again.
        const entry = { version, cpu, ...(dev && { dev }), ...(libc && { libc }), license, optional: true, os };
        return { path: `node_modules/${name}`, entry };
      }),
  );
}
